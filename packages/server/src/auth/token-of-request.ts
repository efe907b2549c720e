import type { IncomingMessage } from "node:http";

const PARAMETER = "token";
const PROTOCOL_PREFIX = "token.";

/**
 * The token of an upgrade request: from a subprotocol `token.<token>`, or else from `?token=<token>`. An
 * empty token counts as none.
 *
 * URLs end up in proxy logs; subprotocols do not.
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
 * The subprotocol to select: browsers fail a connection if none of those they offered is selected. The
 * token is echoed only if the client offered nothing else.
 *
 * @returns `false` for none, as `ws` wants it
 */
export function selectProtocol(offered: ReadonlySet<string>): string | false {
  const [first = false, ...others] = offered;
  if (first === false || !isTokenProtocol(first)) return first;
  return others.find((name) => !isTokenProtocol(name)) ?? first;
}

/** A request URL with its token redacted, for logs and errors. */
export function redactToken(url: string): string {
  const { path, query } = splitUrl(url);
  if (query === "") return url;
  const parameters = query
    .split("&")
    // Parameter names may be percent-encoded.
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
