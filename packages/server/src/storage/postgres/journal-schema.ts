import { type RawBuilder, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Text that is compared by its bytes, regardless of the collation of the database. */
export const TEXT: RawBuilder<unknown> = sql`text COLLATE "C"`;

/**
 * The tables of the journal. Migrations run in the order of their names; never change one that has
 * been released.
 */
export const journalMigrations: Readonly<Record<string, Migration>> = {
  "0001-journal": {
    up: async (db) => {
      await db.schema
        .createTable("journal")
        .addColumn("id", "bigint", (column) => column.primaryKey().generatedAlwaysAsIdentity())
        .addColumn("room", TEXT, (column) => column.notNull())
        .addColumn("checksum", "bigint", (column) => column.notNull())
        .addColumn("content", "bytea", (column) => column.notNull())
        .execute();
      // Rows live for seconds: compressing them would cost more than it saves.
      await sql`ALTER TABLE journal ALTER COLUMN content SET STORAGE EXTERNAL`.execute(db);
      await db.schema.createIndex("journal_room").on("journal").columns(["room", "id"]).execute();
      await db.schema
        .createTable("snapshotted_rooms")
        .addColumn("room", TEXT, (column) => column.primaryKey())
        .execute();
    },
  },
};
