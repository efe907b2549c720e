import type { MiddlewareHandler } from "hono";
import type { AllowedOrigins } from "../auth/allowed-origins.ts";
import { ApiProblem } from "./api/problems.ts";
import { isFromOtherSite } from "./request-origin.ts";

/**
 * What a listed page may do. There are no credentials: cookies, and being on this machine, are not
 * for pages of other origins, so that one of them shows the token.
 */
const PERMISSIONS = {
  "access-control-allow-methods": "GET, HEAD, POST, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID",
  // Browsers ask again after ten minutes, so that a changed setting holds soon.
  "access-control-max-age": "600",
};

/**
 * Lets pages of the listed origins read the API's answers (CORS), and refuses those of others that
 * are known not to be the server's own. Without a list, browsers let only its own pages read them.
 */
export function crossOrigin(origins: AllowedOrigins): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return next();
    const listed = origins.lists(origin);
    const isPreflight =
      c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
    if (!listed && (isPreflight || origins.areListed) && isFromOtherSite(c.req)) {
      throw new ApiProblem(403, "pages of this origin may not use the API; see ALLOWED_ORIGINS");
    }
    if (isPreflight && listed) c.res = new Response(null, { status: 204, headers: PERMISSIONS });
    else await next();
    if (!listed) return;
    c.res.headers.set("access-control-allow-origin", origin);
    c.res.headers.append("vary", "Origin");
  };
}
