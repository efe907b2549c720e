import type { CompiledQuery, Kysely } from "kysely";
import { sql } from "kysely";
import type { Tombstone } from "../metadata.ts";
import type { MetadataSchema } from "./metadata-schema.ts";

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

export function deleteTombstone(db: Kysely<MetadataSchema>, room: string): CompiledQuery {
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
