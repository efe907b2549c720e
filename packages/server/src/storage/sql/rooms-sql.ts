import {
  type Expression,
  type Kysely,
  type RawBuilder,
  type SelectQueryBuilder,
  sql,
} from "kysely";
import type { RoomRecord, RoomSort, RoomsPage, RoomsQuery } from "../metadata.ts";
import { type MetadataSchema, type RoomsTable, UPDATED } from "./metadata-schema.ts";
import { type RoomPosition, toCursor } from "./rooms-cursor.ts";

/** Converts text to lower case. Depends on the engine: SQL does not define for which letters. */
export type Lowercase = (text: Expression<string>) => Expression<string>;

/** A number of parameters that any engine allows in one statement. */
const NAMES_AT_ONCE = 500;

const NAME = sql.ref<string>("name");

/** The keys by which rooms are sorted before their names. */
const SORT_KEYS: Readonly<Record<RoomSort, RawBuilder<number> | null>> = {
  name: null,
  created: sql.ref("created_at"),
  updated: UPDATED,
  bytes: sql.ref("bytes"),
};

export async function readRoom(
  db: Kysely<MetadataSchema>,
  name: string,
): Promise<RoomRecord | null> {
  const row = await db.selectFrom("rooms").selectAll().where("name", "=", name).executeTakeFirst();
  return row === undefined ? null : roomRecordOf(row);
}

export async function readRoomsNamed(
  db: Kysely<MetadataSchema>,
  names: readonly string[],
): Promise<readonly RoomRecord[]> {
  const wanted = [...new Set(names)];
  const records: RoomRecord[] = [];
  for (let start = 0; start < wanted.length; start += NAMES_AT_ONCE) {
    const some = wanted.slice(start, start + NAMES_AT_ONCE);
    const rows = await db.selectFrom("rooms").selectAll().where("name", "in", some).execute();
    records.push(...rows.map(roomRecordOf));
  }
  return records;
}

/** @param after the position of the last room of the previous page */
export async function readRooms(
  db: Kysely<MetadataSchema>,
  lowercase: Lowercase,
  { search, sort, descending, limit }: Omit<RoomsQuery, "after">,
  after: RoomPosition | null,
): Promise<RoomsPage> {
  const matching =
    search === undefined || search === ""
      ? db.selectFrom("rooms")
      : db.selectFrom("rooms").where(contains(lowercase, search));
  const [found, { total }] = await Promise.all([
    // One extra row shows whether there is another page.
    inOrder(matching, sort, descending, after)
      .limit(limit + 1)
      .execute(),
    matching.select((eb) => eb.fn.countAll<number>().as("total")).executeTakeFirstOrThrow(),
  ]);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const isLast = found.length <= limit || last === undefined;
  return {
    rooms: page.map(roomRecordOf),
    next: isLast ? null : toCursor(sort, { key: last.key, name: last.name }),
    total,
  };
}

function inOrder(
  matching: SelectQueryBuilder<MetadataSchema, "rooms", object>,
  sort: RoomSort,
  descending: boolean,
  after: RoomPosition | null,
) {
  const [direction, beyond] = descending ? [sql`DESC`, sql`<`] : [sql`ASC`, sql`>`];
  const key = SORT_KEYS[sort];
  const selected: RawBuilder<number | null> = key ?? sql`NULL`;
  const columns = key === null ? [NAME] : [key, NAME];
  const all = matching
    .selectAll()
    .select(selected.as("key"))
    .orderBy(sql`${sql.join(columns.map((column) => sql`${column} ${direction}`))}`);
  if (after === null) return all;
  const position = key === null ? [after.name] : [after.key, after.name];
  return all.where(sql<boolean>`(${sql.join(columns)}) ${beyond} (${sql.join(position)})`);
}

function contains(lowercase: Lowercase, search: string): RawBuilder<boolean> {
  const pattern = `%${search.replace(/[\\%_]/g, "\\$&")}%`;
  const wanted = lowercase(sql.val(pattern));
  return sql<boolean>`${lowercase(NAME)} LIKE ${wanted} ESCAPE '\\'`;
}

function roomRecordOf(row: RoomsTable): RoomRecord {
  return {
    name: row.name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    bytes: row.bytes,
  };
}
