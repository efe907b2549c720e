import type { CompiledQuery, Kysely, RawBuilder } from "kysely";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Tombstone } from "../metadata.ts";
import type { MetadataSchema } from "./metadata-schema.ts";

export interface TombstonesTable {
  readonly room: string;
  readonly closed_until: number;
}

/** @param text see `metadataMigrations` */
export function tombstoneMigrations(
  text: "text" | RawBuilder<unknown>,
): Readonly<Record<string, Migration>> {
  return {
    "0011-tombstones": {
      up: async (db) => {
        await db.schema
          .createTable("tombstones")
          .ifNotExists()
          .addColumn("room", text, (column) => column.notNull().primaryKey())
          .addColumn("closed_until", "bigint", (column) => column.notNull())
          .execute();
        await db.schema
          .createIndex("tombstones_closed_until")
          .ifNotExists()
          .on("tombstones")
          .column("closed_until")
          .execute();
      },
    },
  };
}

/** A repeated older event does not shorten the time. */
export function setTombstone(
  db: Kysely<MetadataSchema>,
  { room, until }: Tombstone,
): CompiledQuery {
  return db
    .insertInto("tombstones")
    .values({ room, closed_until: until })
    .onConflict((conflict) =>
      conflict
        .column("room")
        .doUpdateSet({ closed_until: until })
        .where(sql.ref("tombstones.closed_until"), "<", until),
    )
    .compile();
}

export function removeTombstone(db: Kysely<MetadataSchema>, room: string): CompiledQuery {
  return db.deleteFrom("tombstones").where("room", "=", room).compile();
}

export async function readTombstones(
  db: Kysely<MetadataSchema>,
  at: number,
): Promise<readonly Tombstone[]> {
  const rows = await db
    .selectFrom("tombstones")
    .selectAll()
    .where("closed_until", ">", at)
    .execute();
  return rows.map(({ room, closed_until }) => ({ room, until: closed_until }));
}

export async function forgetTombstones(db: Kysely<MetadataSchema>, before: number): Promise<void> {
  await db.deleteFrom("tombstones").where("closed_until", "<=", before).execute();
}
