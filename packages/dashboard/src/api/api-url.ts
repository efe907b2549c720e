/** Values of a query; those that are `undefined` are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** The URL of the API, which is beside the dashboard under whatever prefix a proxy put both. */
export function apiUrl(path: string, query: Query = {}): string {
  const url = new URL(`../api/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * The URL of something of one room. The name is in the query: no path can hold `..`, and proxies
 * decode slashes.
 *
 * @param part such as `/document`; nothing for the room itself
 */
export function roomUrl(room: string, part = ""): string {
  return apiUrl(`rooms/-${part}`, { room });
}
