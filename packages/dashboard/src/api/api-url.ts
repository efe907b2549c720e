/** Query parameters. Those that are `undefined` are omitted. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** A URL of the API, which is next to the dashboard, under whatever prefix a proxy has put both. */
export function apiUrl(path: string, query: Query = {}): string {
  const url = new URL(`../api/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * The URL of a room or a part of it. The name is in the query, because a path segment cannot be `..`, and
 * proxies decode slashes.
 *
 * @param part such as `/document`; empty for the room itself
 */
export function roomUrl(room: string, part = ""): string {
  return apiUrl(`rooms/-${part}`, { room });
}
