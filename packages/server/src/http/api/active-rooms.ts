import { z } from "@hono/zod-openapi";
import type { RoomRecord } from "../../storage/metadata.ts";
import type { ApiServices } from "./api-services.ts";
import { ApiProblem } from "./problems.ts";
import { roomJson } from "./room-json.ts";
import type { RoomList, RoomListQuery } from "./schemas.ts";

/** How many rooms are looked up in the metadata at a time. */
const NAMES_AT_ONCE = 1_000;

type Records = ReadonlyMap<string, RoomRecord>;

/** A room's position in the list: its sort key, then its name. */
interface Position {
  readonly key: number | string;
  readonly name: string;
}

/** One page of the rooms with connections. They are in memory, so they are sorted here. */
export async function listActiveRooms(
  query: RoomListQuery,
  { metadata, fleet }: Pick<ApiServices, "metadata" | "fleet">,
): Promise<RoomList> {
  const { sort, order, limit, search = "", cursor } = query;
  const after = cursor === undefined ? null : decodeCursor(cursor, `${sort} ${order}`);
  const live = await fleet.liveRooms();
  const names = [...live.keys()].filter((name) =>
    name.toLowerCase().includes(search.toLowerCase()),
  );
  const isStored = sort !== "name" && sort !== "connections";
  const records = isStored ? await recordsOf(names, metadata) : null;
  const keyOf = (name: string): Position["key"] => {
    switch (sort) {
      case "name":
        return name;
      case "connections":
        return live.get(name)?.connections ?? 0;
      case "created":
        // A room without a record was opened a moment ago.
        return records?.get(name)?.createdAt ?? Number.MAX_SAFE_INTEGER;
      case "updated":
        return records?.get(name)?.updatedAt ?? 0;
      case "bytes":
        return records?.get(name)?.bytes ?? 0;
    }
  };
  const sign = order === "desc" ? -1 : 1;
  const rest = names
    .map((name): Position => ({ key: keyOf(name), name }))
    .filter((room) => after === null || sign * compare(room, after) > 0)
    .sort((a, b) => sign * compare(a, b));
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const shown = records ?? (await recordsOf(page.map(nameOf), metadata));
  return {
    rooms: page.map(({ name }) => roomJson(name, shown.get(name), live.get(name))),
    next: last && rest.length > limit ? encodeCursor(last, `${sort} ${order}`) : null,
    total: names.length,
  };
}

async function recordsOf(
  names: readonly string[],
  metadata: Pick<ApiServices["metadata"], "roomsNamed">,
): Promise<Records> {
  const records = new Map<string, RoomRecord>();
  for (let start = 0; start < names.length; start += NAMES_AT_ONCE) {
    const found = await metadata.roomsNamed(names.slice(start, start + NAMES_AT_ONCE));
    for (const record of found) records.set(record.name, record);
  }
  return records;
}

function nameOf({ name }: Position): string {
  return name;
}

function compare(a: Position, b: Position): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const cursorSchema = z.tuple([z.string(), z.union([z.string(), z.number()]), z.string()]);

function encodeCursor({ key, name }: Position, sorting: string): string {
  return Buffer.from(JSON.stringify([sorting, key, name])).toString("base64url");
}

/** @throws ApiProblem if this is not a cursor of a list with this sort order */
function decodeCursor(cursor: string, sorting: string): Position {
  const parsed = cursorSchema.safeParse(parseJson(Buffer.from(cursor, "base64url").toString()));
  if (!parsed.success || parsed.data[0] !== sorting) {
    throw new ApiProblem(
      400,
      `cursor is ${JSON.stringify(cursor)}: it does not belong to a list with this sort order`,
    );
  }
  const [, key, name] = parsed.data;
  return { key, name };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
