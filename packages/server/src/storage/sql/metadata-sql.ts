import type { CompiledQuery, Kysely } from "kysely";
import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../errors.ts";
import type {
  ActivityPoint,
  AdminSessionStore,
  ConnectionPosition,
  ConnectionRecord,
  EndedConnection,
  Metadata,
  MetadataEvent,
  RoomRecord,
  RoomsPage,
  RoomsQuery,
  ServerActivity,
  Tombstone,
} from "../metadata.ts";
import {
  type ActivityRange,
  checkActivityRange,
  forgetActivity,
  readActivity,
  recordActivity,
  rollUpActivity,
} from "./activity-sql.ts";
import {
  closeConnectionsOf,
  forgetSomeConnections,
  readConnections,
  readConnectionsOf,
} from "./connections-sql.ts";
import { applyEvents } from "./metadata-events-sql.ts";
import type { MetadataSchema } from "./metadata-schema.ts";
import { fromCursor } from "./rooms-cursor.ts";
import { type Lowercase, readRoom, readRooms, readRoomsNamed } from "./rooms-sql.ts";
import { forgetTombstones, readTombstones } from "./tombstones-sql.ts";

/** Operations that differ between engines. */
export interface SqlEngine {
  /** Runs queries in order, in one transaction. */
  runTogether(queries: readonly CompiledQuery[]): Promise<void>;
  readonly lowercase: Lowercase;
}

/** The metadata in any SQL database that Kysely supports. */
export class SqlMetadata implements Metadata, AdminSessionStore {
  readonly #db: Kysely<MetadataSchema>;
  readonly #engine: SqlEngine;
  readonly #running: Set<Promise<unknown>> = new Set();
  #closed: Promise<void> | undefined;

  /** @param db a database with up-to-date tables; `close` destroys it */
  constructor(db: Kysely<MetadataSchema>, engine: SqlEngine) {
    this.#db = db;
    this.#engine = engine;
  }

  async record(events: readonly MetadataEvent[]): Promise<void> {
    await this.#doTogether("record events", applyEvents(this.#db, events));
  }

  room(name: string): Promise<RoomRecord | null> {
    return this.#do("read a room", () => readRoom(this.#db, name));
  }

  roomsNamed(names: readonly string[]): Promise<readonly RoomRecord[]> {
    return this.#do("read rooms", () => readRoomsNamed(this.#db, names));
  }

  async rooms({ after, ...query }: RoomsQuery): Promise<RoomsPage> {
    const position = after === undefined ? null : fromCursor(query.sort, after);
    return this.#do("list rooms", () =>
      readRooms(this.#db, this.#engine.lowercase, query, position),
    );
  }

  connections(range: {
    from: number;
    to: number;
    limit: number;
  }): Promise<readonly ConnectionRecord[]> {
    return this.#do("read connections", () => readConnections(this.#db, range));
  }

  connectionsOf(
    room: string,
    page: { limit: number; before?: ConnectionPosition | undefined },
  ): Promise<readonly ConnectionRecord[]> {
    return this.#do("read connections", () => readConnectionsOf(this.#db, room, page));
  }

  closeConnectionsOf(server: string, at: number): Promise<readonly EndedConnection[]> {
    return this.#do("close connections", () => closeConnectionsOf(this.#db, server, at));
  }

  async forgetConnections(before: number): Promise<number> {
    let forgotten = 0;
    for (;;) {
      const { count, all } = await this.#do("delete connections", () =>
        forgetSomeConnections(this.#db, before),
      );
      forgotten += count;
      if (all) return forgotten;
    }
  }

  recordActivity(activity: ServerActivity): Promise<void> {
    return this.#do("record activity", () => recordActivity(this.#db, activity));
  }

  async activity(range: ActivityRange): Promise<readonly ActivityPoint[]> {
    checkActivityRange(range);
    return this.#do("read activity", () => readActivity(this.#db, range));
  }

  async rollUpActivity(before: number): Promise<void> {
    await this.#doTogether("aggregate activity", rollUpActivity(this.#db, before));
  }

  async forgetActivity(before: number): Promise<void> {
    await this.#doTogether("delete activity", forgetActivity(this.#db, before));
  }

  get adminSessions(): AdminSessionStore {
    return this;
  }

  async beginSession(key: string, expiresAt: number, now: number): Promise<void> {
    const db = this.#db;
    await this.#doTogether("begin a session", [
      db.deleteFrom("admin_sessions").where("expires_at", "<=", now).compile(),
      db.insertInto("admin_sessions").values({ key, expires_at: expiresAt }).compile(),
    ]);
  }

  async session(key: string): Promise<number | null> {
    const query = this.#db.selectFrom("admin_sessions").select("expires_at").where("key", "=", key);
    const row = await this.#do("read a session", () => query.executeTakeFirst());
    return row?.expires_at ?? null;
  }

  async endSession(key: string): Promise<void> {
    const query = this.#db.deleteFrom("admin_sessions").where("key", "=", key);
    await this.#doTogether("end a session", [query.compile()]);
  }

  tombstones(at: number): Promise<readonly Tombstone[]> {
    return this.#do("read tombstones", () => readTombstones(this.#db, at));
  }

  forgetTombstones(before: number): Promise<void> {
    return this.#do("delete tombstones", () => forgetTombstones(this.#db, before));
  }

  async close(): Promise<void> {
    this.#closed ??= this.#end();
    await this.#closed;
  }

  async #end(): Promise<void> {
    // Kysely does not wait for calls that are about to start.
    await Promise.allSettled(this.#running);
    await this.#db.destroy();
  }

  async #doTogether(what: string, queries: readonly CompiledQuery[]): Promise<void> {
    if (queries.length === 0) return;
    await this.#do(what, () => this.#engine.runTogether(queries));
  }

  async #do<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined)
      throw new StorageError(`Could not ${what}: the store is closed`);
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (error instanceof StorageError) throw error;
      const reason = reasonOf(error);
      throw new StorageError(`Could not ${what} in the metadata: ${reason}`, { cause: error });
    } finally {
      this.#running.delete(running);
    }
  }
}
