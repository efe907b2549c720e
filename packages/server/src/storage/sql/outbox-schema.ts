import type { RawBuilder } from "kysely";
import type { Migration } from "kysely/migration";

/** A row of the outbox; see `Outbox`. */
export interface OutboxTable {
  readonly kind: string;
  readonly key: string;
  readonly first_at: number;
  readonly due_at: number;
  /** Incremented by each mark. */
  readonly version: number;
  readonly attempts: number;
  /** `null` while the row is unclaimed, as are the next three columns. */
  readonly claim: string | null;
  readonly claimed_by: string | null;
  readonly claimed_at: number | null;
  readonly claimed_version: number | null;
  /** 0 while the row is unclaimed. */
  readonly claimed_until: number;
}

/** A row of the event queue; see `EventQueue`. */
export interface EventsTable {
  readonly server: string;
  readonly sequence: number;
  readonly event: string;
}

/** Every statement is repeatable; see `metadataMigrations`. */
export function outboxMigrations(
  text: "text" | RawBuilder<unknown>,
): Readonly<Record<string, Migration>> {
  return {
    "0004-outbox": {
      up: async (db) => {
        await db.schema
          .createTable("outbox")
          .ifNotExists()
          .addColumn("kind", text, (column) => column.notNull())
          .addColumn("key", text, (column) => column.notNull())
          .addColumn("first_at", "bigint", (column) => column.notNull())
          .addColumn("due_at", "bigint", (column) => column.notNull())
          .addColumn("version", "bigint", (column) => column.notNull())
          .addColumn("attempts", "integer", (column) => column.notNull())
          .addColumn("claim", text)
          .addColumn("claimed_by", text)
          .addColumn("claimed_at", "bigint")
          .addColumn("claimed_version", "bigint")
          .addColumn("claimed_until", "bigint", (column) => column.notNull())
          .addPrimaryKeyConstraint("outbox_key", ["kind", "key"])
          .execute();
        await db.schema
          .createIndex("outbox_due")
          .ifNotExists()
          .on("outbox")
          .columns(["kind", "due_at"])
          .execute();
        await db.schema
          .createTable("events")
          .ifNotExists()
          .addColumn("server", text, (column) => column.notNull())
          .addColumn("sequence", "bigint", (column) => column.notNull())
          .addColumn("event", text, (column) => column.notNull())
          .addPrimaryKeyConstraint("events_key", ["server", "sequence"])
          .execute();
      },
    },
  };
}
