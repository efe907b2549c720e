import type { Kysely } from "kysely";
import type { EventQueue, QueuedEvent } from "../event-queue.ts";
import type { MetadataSchema } from "./metadata-schema.ts";
import { asStorageError } from "./sql-errors.ts";

/** Engines limit the number of parameters of a statement. */
const EVENTS_AT_ONCE = 1_000;

/**
 * The event queue in any SQL database that Kysely supports. The metadata owns and closes the
 * database.
 */
export class SqlEventQueue implements EventQueue {
  readonly #db: Kysely<MetadataSchema>;

  constructor(db: Kysely<MetadataSchema>) {
    this.#db = db;
  }

  async append(server: string, events: readonly QueuedEvent[]): Promise<void> {
    for (let at = 0; at < events.length; at += EVENTS_AT_ONCE) {
      const rows = events
        .slice(at, at + EVENTS_AT_ONCE)
        .map(({ sequence, event }) => ({ server, sequence, event }));
      await asStorageError("add events", () =>
        this.#db
          .insertInto("events")
          .values(rows)
          .onConflict((conflict) => conflict.columns(["server", "sequence"]).doNothing())
          .execute(),
      );
    }
  }

  first(server: string, limit: number): Promise<readonly QueuedEvent[]> {
    return asStorageError("read events", () =>
      this.#db
        .selectFrom("events")
        .select(["sequence", "event"])
        .where("server", "=", server)
        .orderBy("sequence")
        .limit(limit)
        .execute(),
    );
  }

  async remove(server: string, last: number): Promise<void> {
    await this.#removeUpTo(server, last);
  }

  async trim(server: string, keep: number): Promise<number> {
    const [newest] = await asStorageError("read events", () =>
      this.#db
        .selectFrom("events")
        .select("sequence")
        .where("server", "=", server)
        .orderBy("sequence", "desc")
        .offset(keep)
        .limit(1)
        .execute(),
    );
    return newest === undefined ? 0 : this.#removeUpTo(server, newest.sequence);
  }

  async #removeUpTo(server: string, last: number): Promise<number> {
    const { numDeletedRows } = await asStorageError("delete events", () =>
      this.#db
        .deleteFrom("events")
        .where("server", "=", server)
        .where("sequence", "<=", last)
        .executeTakeFirst(),
    );
    return Number(numDeletedRows);
  }
}
