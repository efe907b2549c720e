/**
 * The WebSocket URL of the server that serves a page: the same host and folder, so that a proxy may
 * put both under a prefix.
 *
 * @param page the page's own URL; `https://example.com/notes/index.html` gives
 *   `wss://example.com/notes`
 */
export function serverAddress(page: string): string {
  const url = new URL(".", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href.replace(/\/$/, "");
}
