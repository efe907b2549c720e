import type { MiddlewareHandler } from "hono";
import type { AllowedOrigins } from "../auth/allowed-origins.ts";
import { ApiProblem } from "./api/problems.ts";
import { isFromOtherSite } from "./request-origin.ts";

/**
 * What a listed page may do. Credentials are not allowed: pages of other origins may rely neither on
 * cookies nor on running on this machine, and must send the token.
 */
const PERMISSIONS = {
  "access-control-allow-methods": "GET, HEAD, POST, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID",
  // Browsers repeat the preflight after ten minutes, so that a changed setting takes effect soon.
  "access-control-max-age": "600",
};

/**
 * Lets pages of the listed origins read API responses (CORS), and refuses requests known to come from
 * other foreign origins. Without a list, browsers let only the server's own pages read responses.
 */
export function crossOrigin(origins: AllowedOrigins): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return next();
    const listed = origins.lists(origin);
    const isPreflight =
      c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
    if (!listed && (isPreflight || origins.areListed) && isFromOtherSite(c.req)) {
      throw new ApiProblem(403, "this origin may not use the API; see ALLOWED_ORIGINS");
    }
    if (isPreflight && listed) c.res = new Response(null, { status: 204, headers: PERMISSIONS });
    else await next();
    if (!listed) return;
    c.res.headers.set("access-control-allow-origin", origin);
    c.res.headers.append("vary", "Origin");
  };
}
