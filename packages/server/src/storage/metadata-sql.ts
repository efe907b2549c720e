import type { CompiledQuery, Kysely } from "kysely";
import { StorageError } from "./errors.ts";
import type { ConnectionRecord, Metadata, MetadataEvent, RoomRecord } from "./metadata.ts";
import type { MetadataSchema } from "./metadata-schema.ts";

/** Runs queries in their order and in one transaction. */
export type RunTogether = (queries: readonly CompiledQuery[]) => Promise<void>;

/** The metadata in any SQL database that Kysely knows. */
export class SqlMetadata implements Metadata {
  readonly #db: Kysely<MetadataSchema>;
  readonly #runTogether: RunTogether;

  /** @param db a database that `migrateMetadata` has prepared; `close` destroys it */
  constructor(db: Kysely<MetadataSchema>, runTogether: RunTogether) {
    this.#db = db;
    this.#runTogether = runTogether;
  }

  async record(events: readonly MetadataEvent[]): Promise<void> {
    const queries = events.map((event) => this.#queryFor(event));
    if (queries.length === 0) return;
    await explained("record events", () => this.#runTogether(queries));
  }

  async room(name: string): Promise<RoomRecord | null> {
    const query = this.#db.selectFrom("rooms").selectAll().where("name", "=", name);
    const row = await explained("read a room", () => query.executeTakeFirst());
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
    const rows = await explained("read connections", () => query.execute());
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
    await explained("close connections", () => query.execute());
  }

  async close(): Promise<void> {
    await explained("close", () => this.#db.destroy());
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

async function explained<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(`Could not ${what} in the metadata: ${reason}`, { cause: error });
  }
}
