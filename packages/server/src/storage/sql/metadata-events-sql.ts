import type { CompiledQuery, Kysely } from "kysely";
import type { MetadataEvent } from "../metadata.ts";
import type { MetadataSchema } from "./metadata-schema.ts";
import { deleteTombstone, setTombstone } from "./tombstones-sql.ts";

/** Returns statements that apply the events, to run in one transaction. */
export function applyEvents(
  db: Kysely<MetadataSchema>,
  events: readonly MetadataEvent[],
): readonly CompiledQuery[] {
  return inLockOrder(events).map((event) => applyEvent(db, event));
}

function applyEvent(db: Kysely<MetadataSchema>, event: MetadataEvent): CompiledQuery {
  switch (event.type) {
    case "room-opened":
      return db
        .insertInto("rooms")
        .values({ name: event.room, created_at: event.at, updated_at: null, bytes: 0 })
        .onConflict((conflict) => conflict.column("name").doNothing())
        .compile();
    case "room-saved":
      return roomSaved(db, event.room, event.at, event.bytes);
    case "room-unused":
      return db
        .deleteFrom("rooms")
        .where("name", "=", event.room)
        .where("updated_at", "is", null)
        .compile();
    case "room-deleted":
      return db.deleteFrom("rooms").where("name", "=", event.room).compile();
    case "tombstone-set":
      return setTombstone(db, event);
    case "tombstone-removed":
      return deleteTombstone(db, event.room);
    case "connected":
      return db
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
      return db
        .updateTable("connections")
        .set({ disconnected_at: event.at })
        .where("connection", "=", event.connection)
        .where("disconnected_at", "is", null)
        .compile();
  }
}

/** Creates the record if it is missing: the metadata may have been lost while the room was open. */
function roomSaved(
  db: Kysely<MetadataSchema>,
  room: string,
  at: number,
  bytes: number,
): CompiledQuery {
  return db
    .insertInto("rooms")
    .values({ name: room, created_at: at, updated_at: at, bytes })
    .onConflict((conflict) =>
      conflict
        .column("name")
        .doUpdateSet({ updated_at: at, bytes })
        // A repeated older event must not overwrite a newer one.
        .where(({ eb, or }) =>
          or([eb("rooms.updated_at", "is", null), eb("rooms.updated_at", "<=", at)]),
        ),
    )
    .compile();
}

/**
 * Servers write the same rows at the same time. Writing them in the same order prevents deadlocks.
 * Events that change the same row keep their order; all others are independent, and take effect
 * together.
 */
function inLockOrder(events: readonly MetadataEvent[]): MetadataEvent[] {
  return events
    .map((event) => ({ event, row: rowOf(event) }))
    .sort((a, b) => (a.row < b.row ? -1 : a.row > b.row ? 1 : 0))
    .map(({ event }) => event);
}

/** Identifies the row that an event changes. */
function rowOf(event: MetadataEvent): string {
  return "connection" in event ? `connection ${event.connection}` : `room ${event.room}`;
}
