import { isIP } from "node:net";
import type { HonoRequest } from "hono";

/** Headers that proxies add to the requests they forward. */
const PROXY_HEADERS = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
];

/**
 * Whether a request was made on this machine, and not forwarded by a proxy. The host name is checked as
 * well, because another site may point its own name at this machine (DNS rebinding). A local proxy that
 * adds no header cannot be detected.
 *
 * @param address the socket's remote address
 */
export function isFromThisMachine(request: HonoRequest, address: string | undefined): boolean {
  const { hostname } = new URL(request.url);
  return (
    address !== undefined &&
    isLoopbackAddress(address) &&
    (hostname === "localhost" || isLoopbackAddress(hostname)) &&
    PROXY_HEADERS.every((name) => request.header(name) === undefined)
  );
}

/** Whether a page of another origin made a browser send this request. */
export function isFromOtherSite(request: HonoRequest): boolean {
  const site = request.header("sec-fetch-site");
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  // Browsers send `Sec-Fetch-Site` only to secure origins and this machine, but they all send `Origin`
  // with requests that change something.
  const origin = request.header("origin");
  return origin !== undefined && URL.parse(origin)?.host !== request.header("host");
}

function isLoopbackAddress(address: string): boolean {
  const bare = address.replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:/, "");
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}
