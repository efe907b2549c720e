import { type Kysely, sql } from "kysely";
import type { ConnectionPosition, ConnectionRecord, EndedConnection } from "../metadata.ts";
import {
  type ConnectionsTable,
  LASTED_LONG,
  LONG_MS,
  type MetadataSchema,
} from "./metadata-schema.ts";

const FORGET_AT_ONCE = 1_000;

/**
 * No index finds the connections that were open at a given time. But nearly all of them began
 * within the day before. The few others lasted long or are still open, and have indexes of their
 * own.
 */
export async function readConnections(
  db: Kysely<MetadataSchema>,
  { from, to, limit }: { from: number; to: number; limit: number },
): Promise<readonly ConnectionRecord[]> {
  if (to <= from) return [];
  const all = db.selectFrom("connections").selectAll();
  const dayBefore = from - LONG_MS;
  const recent = all
    .where("connected_at", ">=", dayBefore)
    .where("connected_at", "<", to)
    .where(({ eb, or }) =>
      or([eb("disconnected_at", "is", null), eb("disconnected_at", ">=", from)]),
    );
  const long = all
    .where("connected_at", "<", dayBefore)
    .where("disconnected_at", ">=", from)
    .where(LASTED_LONG);
  const open = all.where("connected_at", "<", dayBefore).where("disconnected_at", "is", null);
  // Each part has an index in this order, which the database uses only if the part has a limit.
  const first = (part: typeof all) => {
    const oldest = part.orderBy("connected_at").orderBy("connection").limit(limit);
    return db.selectFrom(oldest.as("oldest")).selectAll();
  };
  const rows = await first(recent)
    .unionAll(first(long))
    .unionAll(first(open))
    .orderBy("connected_at")
    .orderBy("connection")
    .limit(limit)
    .execute();
  return rows.map(connectionRecordOf);
}

export async function readConnectionsOf(
  db: Kysely<MetadataSchema>,
  room: string,
  { limit, before }: { limit: number; before?: ConnectionPosition | undefined },
): Promise<readonly ConnectionRecord[]> {
  const all = db.selectFrom("connections").selectAll().where("room", "=", room);
  const rest =
    before === undefined
      ? all
      : all.where(
          sql<boolean>`(connected_at, connection) < (${before.connectedAt}, ${before.connection})`,
        );
  const rows = await rest
    .orderBy("connected_at", "desc")
    .orderBy("connection", "desc")
    .limit(limit)
    .execute();
  return rows.map(connectionRecordOf);
}

export async function closeConnectionsOf(
  db: Kysely<MetadataSchema>,
  server: string,
  at: number,
): Promise<readonly EndedConnection[]> {
  return await db
    .updateTable("connections")
    .set({ disconnected_at: at })
    .where("server", "=", server)
    .where("disconnected_at", "is", null)
    .where("connected_at", "<=", at)
    .returning(["connection", "room"])
    .execute();
}

/**
 * Deletes some connections that ended before a time.
 *
 * @returns how many, and whether those were all
 */
export async function forgetSomeConnections(
  db: Kysely<MetadataSchema>,
  before: number,
): Promise<{ count: number; all: boolean }> {
  const end = await endOfOldest(db, before);
  // By time, which is indexed: servers that do this at the same time lock the rows in the same
  // order, which prevents deadlocks.
  const { numDeletedRows } = await db
    .deleteFrom("connections")
    .where("disconnected_at", "<", end)
    .executeTakeFirst();
  return { count: Number(numDeletedRows), all: end === before };
}

/** Returns the time before which one batch of the oldest connections ended. */
async function endOfOldest(db: Kysely<MetadataSchema>, before: number): Promise<number> {
  const last = await db
    .selectFrom("connections")
    .select("disconnected_at")
    .where("disconnected_at", "<", before)
    .orderBy("disconnected_at")
    .offset(FORGET_AT_ONCE - 1)
    .limit(1)
    .executeTakeFirst();
  const end = last?.disconnected_at ?? null;
  return end === null ? before : end + 1;
}

function connectionRecordOf(row: ConnectionsTable): ConnectionRecord {
  return {
    connection: row.connection,
    room: row.room,
    server: row.server,
    connectedAt: row.connected_at,
    disconnectedAt: row.disconnected_at,
  };
}
