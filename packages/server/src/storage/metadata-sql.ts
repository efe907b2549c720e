import type { CompiledQuery, Kysely } from "kysely";
import { StorageError } from "./errors.ts";
import type { ConnectionRecord, Metadata, MetadataEvent, RoomRecord } from "./metadata.ts";
import type { MetadataSchema } from "./metadata-schema.ts";

/** Runs queries in their order and in one transaction. */
export type RunTogether = (queries: readonly CompiledQuery[]) => Promise<void>;

const FORGET_AT_ONCE = 1_000;

/** The metadata in any SQL database that Kysely knows. */
export class SqlMetadata implements Metadata {
  readonly #db: Kysely<MetadataSchema>;
  readonly #runTogether: RunTogether;
  readonly #running: Set<Promise<unknown>> = new Set();
  #closed: Promise<void> | undefined;

  /** @param db a database that `migrateMetadata` has prepared; `close` destroys it */
  constructor(db: Kysely<MetadataSchema>, runTogether: RunTogether) {
    this.#db = db;
    this.#runTogether = runTogether;
  }

  async record(events: readonly MetadataEvent[]): Promise<void> {
    const queries = inLockOrder(events).map((event) => this.#queryFor(event));
    if (queries.length === 0) return;
    await this.#do("record events", () => this.#runTogether(queries));
  }

  async room(name: string): Promise<RoomRecord | null> {
    const query = this.#db.selectFrom("rooms").selectAll().where("name", "=", name);
    const row = await this.#do("read a room", () => query.executeTakeFirst());
    if (row === undefined) return null;
    return {
      name: row.name,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      bytes: row.bytes,
    };
  }

  async connections(range: {
    from: number;
    to: number;
    limit: number;
  }): Promise<readonly ConnectionRecord[]> {
    const { from, to, limit } = range;
    if (to <= from) return [];
    const query = this.#db
      .selectFrom("connections")
      .selectAll()
      .where("connected_at", "<", to)
      .where(({ eb, or }) =>
        or([eb("disconnected_at", "is", null), eb("disconnected_at", ">=", from)]),
      )
      .orderBy("connected_at")
      .orderBy("connection")
      .limit(limit);
    const rows = await this.#do("read connections", () => query.execute());
    return rows.map((row) => ({
      connection: row.connection,
      room: row.room,
      server: row.server,
      connectedAt: row.connected_at,
      disconnectedAt: row.disconnected_at,
    }));
  }

  async closeConnectionsOf(server: string, at: number): Promise<void> {
    const query = this.#db
      .updateTable("connections")
      .set({ disconnected_at: at })
      .where("server", "=", server)
      .where("disconnected_at", "is", null);
    await this.#do("close connections", () => query.execute());
  }

  async forgetConnections(before: number): Promise<number> {
    let forgotten = 0;
    let end: number;
    do {
      end = await this.#do("forget connections", () => this.#endOfOldest(before));
      // By time, which has an index: servers that do this at once take the rows in one order, so
      // that none waits for another in a circle.
      const query = this.#db.deleteFrom("connections").where("disconnected_at", "<", end);
      const { numDeletedRows } = await this.#do("forget connections", () =>
        query.executeTakeFirst(),
      );
      forgotten += Number(numDeletedRows);
    } while (end < before);
    return forgotten;
  }

  async close(): Promise<void> {
    this.#closed ??= this.#end();
    await this.#closed;
  }

  async #end(): Promise<void> {
    // Kysely does not wait for what is about to begin.
    await Promise.allSettled(this.#running);
    await this.#db.destroy();
  }

  async #do<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined)
      throw new StorageError(`Could not ${what}: the store was closed`);
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (error instanceof StorageError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new StorageError(`Could not ${what} in the metadata: ${reason}`, { cause: error });
    } finally {
      this.#running.delete(running);
    }
  }

  /** The time before which the oldest ones ended, as many as are forgotten at once. */
  async #endOfOldest(before: number): Promise<number> {
    const query = this.#db
      .selectFrom("connections")
      .select("disconnected_at")
      .where("disconnected_at", "<", before)
      .orderBy("disconnected_at")
      .offset(FORGET_AT_ONCE - 1)
      .limit(1);
    const last = (await query.executeTakeFirst())?.disconnected_at ?? null;
    return last === null ? before : last + 1;
  }

  #queryFor(event: MetadataEvent): CompiledQuery {
    switch (event.type) {
      case "room-opened":
        return this.#db
          .insertInto("rooms")
          .values({ name: event.room, created_at: event.at, updated_at: null, bytes: 0 })
          .onConflict((conflict) => conflict.column("name").doNothing())
          .compile();
      case "room-saved":
        return this.#roomSaved(event.room, event.at, event.bytes);
      case "room-deleted":
        return this.#db.deleteFrom("rooms").where("name", "=", event.room).compile();
      case "connected":
        return this.#db
          .insertInto("connections")
          .values({
            connection: event.connection,
            room: event.room,
            server: event.server,
            connected_at: event.at,
            disconnected_at: null,
          })
          .onConflict((conflict) => conflict.column("connection").doNothing())
          .compile();
      case "disconnected":
        return this.#db
          .updateTable("connections")
          .set({ disconnected_at: event.at })
          .where("connection", "=", event.connection)
          .where("disconnected_at", "is", null)
          .compile();
    }
  }

  /** A room without a record gets one: the metadata may have been lost while the room was open. */
  #roomSaved(room: string, at: number, bytes: number): CompiledQuery {
    return this.#db
      .insertInto("rooms")
      .values({ name: room, created_at: at, updated_at: at, bytes })
      .onConflict((conflict) =>
        conflict
          .column("name")
          .doUpdateSet({ updated_at: at, bytes })
          // An older event that is repeated must not undo a newer one.
          .where(({ eb, or }) =>
            or([eb("rooms.updated_at", "is", null), eb("rooms.updated_at", "<=", at)]),
          ),
      )
      .compile();
  }
}

/**
 * Servers write the same rows at the same time. If all write them in one order, none waits for another
 * in a circle. Events that change the same row keep their order; the others do not depend on each
 * other, and take effect together.
 */
function inLockOrder(events: readonly MetadataEvent[]): MetadataEvent[] {
  return events
    .map((event) => ({ event, row: rowOf(event) }))
    .sort((a, b) => (a.row < b.row ? -1 : a.row > b.row ? 1 : 0))
    .map(({ event }) => event);
}

/** Names the row that an event changes. */
function rowOf(event: MetadataEvent): string {
  return "connection" in event ? `connection ${event.connection}` : `room ${event.room}`;
}
