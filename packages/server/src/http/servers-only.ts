import type { MiddlewareHandler } from "hono";
import type { ApiEnv } from "./api/api-hono.ts";
import { problem } from "./problem.ts";
import { SecretCheck } from "./secret-check.ts";

/** Browsers send at least one of these; servers send none. */
const BROWSER_HEADERS = ["origin", "sec-fetch-mode", "sec-fetch-site"];

/** Lets only the servers of the cluster pass: those that know its secret. */
export function serversOnly(secret: string): MiddlewareHandler<ApiEnv> {
  const expected = new SecretCheck(`Bearer ${secret}`);
  return async (c, next) => {
    // Routes see a normalised path. What a proxy has let through as another path is none of theirs.
    if (!isInternal(c.env.incoming.url)) return problem(404, `there is nothing at ${c.req.path}`);
    if (BROWSER_HEADERS.some((name) => c.req.header(name) !== undefined)) {
      return problem(403, "this is not for browsers");
    }
    if (!expected.matches(c.req.header("authorization") ?? "")) {
      return problem(401, "CLUSTER_SECRET is not the same on both servers");
    }
    return next();
  };
}

function isInternal(target: string | undefined): boolean {
  return target?.startsWith("/cluster/") === true && !/%|\/\/|\/\.{1,2}(\/|$)/.test(target);
}
