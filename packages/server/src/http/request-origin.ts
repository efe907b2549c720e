import { isIP } from "node:net";
import type { HonoRequest } from "hono";

/** What proxies add to the requests that they pass on. */
const PROXY_HEADERS = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
];

/**
 * Whether a request was made on this machine, and by nobody for somebody else. The host is looked at
 * as well: a name that another site lets point to this machine is none of its own. A proxy on this
 * machine that adds no header cannot be told apart.
 *
 * @param address of the socket
 */
export function isFromThisMachine(request: HonoRequest, address: string | undefined): boolean {
  const { hostname } = new URL(request.url);
  return (
    address !== undefined &&
    isLoopback(address) &&
    (hostname === "localhost" || isLoopback(hostname)) &&
    PROXY_HEADERS.every((name) => request.header(name) === undefined)
  );
}

/** Whether a page of another origin made a browser send this request. */
export function isFromOtherSite(request: HonoRequest): boolean {
  const site = request.header("sec-fetch-site");
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  // Only sent to secure origins and to this machine; every browser sends this one with what changes
  // something.
  const origin = request.header("origin");
  return origin !== undefined && URL.parse(origin)?.host !== request.header("host");
}

function isLoopback(address: string): boolean {
  const bare = address.replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:/, "");
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}
