import type { IncomingMessage } from "node:http";

const PARAMETER = "token";
const PROTOCOL_PREFIX = "token.";

/**
 * The token of an upgrade request: of a subprotocol `token.<token>`, else of `?token=<token>`. An
 * empty one counts as none.
 *
 * URLs end up in logs of proxies; a subprotocol does not.
 */
export function tokenOfRequest({
  url = "",
  headers,
}: Pick<IncomingMessage, "url" | "headers">): string | undefined {
  const offered = headers["sec-websocket-protocol"]?.split(",") ?? [];
  const protocol = offered.map((name) => name.trim()).find(isTokenProtocol);
  const token =
    protocol?.slice(PROTOCOL_PREFIX.length) ??
    new URLSearchParams(splitUrl(url).query).get(PARAMETER);
  return token || undefined;
}

/**
 * The subprotocol to answer with: browsers give up a connection when none of theirs is selected. If
 * there is another one than the token, the token is not sent back.
 *
 * @returns `false` for none, as `ws` wants it
 */
export function selectProtocol(offered: ReadonlySet<string>): string | false {
  const [first = false, ...others] = offered;
  if (first === false || !isTokenProtocol(first)) return first;
  return others.find((name) => !isTokenProtocol(name)) ?? first;
}

/** The URL of a request without its token, for logs and errors. */
export function redactToken(url: string): string {
  const { path, query } = splitUrl(url);
  if (query === "") return url;
  const parameters = query
    .split("&")
    // Names may be percent-encoded as well.
    .map((text) => (new URLSearchParams(text).has(PARAMETER) ? `${PARAMETER}=[redacted]` : text));
  return `${path}?${parameters.join("&")}`;
}

function isTokenProtocol(name: string): boolean {
  return name.startsWith(PROTOCOL_PREFIX);
}

function splitUrl(url: string): { path: string; query: string } {
  const at = url.indexOf("?");
  return at < 0 ? { path: url, query: "" } : { path: url.slice(0, at), query: url.slice(at + 1) };
}
