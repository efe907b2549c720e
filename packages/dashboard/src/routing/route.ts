import type { Order, RoomsQuery, SortKey } from "../api/rooms-query.ts";

export type RangeName = "1h" | "24h" | "7d" | "30d";

export interface RoomsRoute extends RoomsQuery {
  readonly view: "rooms";
  /** The page number, starting at 1. */
  readonly page: number;
}

/** What the page shows. Routes live in the URL hash, so the server does not see them. */
export type Route =
  | { readonly view: "overview"; readonly range: RangeName }
  | { readonly view: "live"; readonly filter: string }
  | { readonly view: "live-room"; readonly room: string }
  | RoomsRoute
  | { readonly view: "room"; readonly room: string }
  | { readonly view: "servers" }
  | { readonly view: "nowhere"; readonly hash: string };

export const RANGES: readonly RangeName[] = ["1h", "24h", "7d", "30d"];
const SORT_KEYS: readonly SortKey[] = ["name", "created", "updated", "bytes"];

const FIRST_ROOMS: RoomsRoute = {
  view: "rooms",
  search: "",
  sort: "updated",
  order: "desc",
  cursor: "",
  page: 1,
};

/** @param hash including the `#`, or empty */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = split(hash.replace(/^#\/?/, ""), "?");
  const query = new URLSearchParams(search);
  const [view = "", encoded] = split(path, "/");
  const room = encoded === undefined ? undefined : decode(encoded);
  if (view === "room" && room) return { view, room };
  if (view === "live" && room) return { view: "live-room", room };
  if (encoded !== undefined) return { view: "nowhere", hash };
  switch (view) {
    case "":
      return { view: "overview", range: oneOf(RANGES, query.get("range")) ?? "24h" };
    case "live":
      return { view, filter: query.get("filter") ?? "" };
    case "rooms":
      return roomsRoute(query);
    case "servers":
      return { view };
    default:
      return { view: "nowhere", hash };
  }
}

/** The hash of a route, including the `#`. Parameters with default values are omitted. */
export function formatRoute(route: Route): string {
  switch (route.view) {
    case "overview":
      return `#/${query({ range: route.range }, { range: "24h" })}`;
    case "live":
      return `#/live${query({ filter: route.filter }, { filter: "" })}`;
    case "live-room":
      return `#/live/${encodeURIComponent(route.room)}`;
    case "room":
      return `#/room/${encodeURIComponent(route.room)}`;
    case "rooms": {
      const { view, ...values } = route;
      return `#/${view}${query(values, { ...FIRST_ROOMS })}`;
    }
    case "servers":
      return "#/servers";
    case "nowhere":
      return route.hash;
  }
}

function roomsRoute(query: URLSearchParams): RoomsRoute {
  const sort = oneOf(SORT_KEYS, query.get("sort")) ?? FIRST_ROOMS.sort;
  const order: Order = query.get("order") === "asc" ? "asc" : "desc";
  const cursor = query.get("cursor") ?? "";
  const page = cursor === "" ? 1 : Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
  return { view: "rooms", search: query.get("search") ?? "", sort, order, cursor, page };
}

function query(
  values: Readonly<Record<string, string | number>>,
  usual: Readonly<Record<string, unknown>>,
): string {
  const given = Object.entries(values).filter(([name, value]) => value !== usual[name]);
  if (given.length === 0) return "";
  return `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

/** Splits at the first separator. Without one, there is no second part. */
function split(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** `undefined` if the encoding is invalid, as in a truncated or mistyped address. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | undefined {
  return values.find((known) => known === value);
}
