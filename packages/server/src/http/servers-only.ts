import type { MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";
import { SecretCheck } from "./secret-check.ts";

/** Browsers send at least one of these; servers send none. */
const BROWSER_HEADERS = ["origin", "sec-fetch-mode", "sec-fetch-site"];

/** Lets only the servers of the cluster pass: those that know its secret. */
export function serversOnly(secret: string): MiddlewareHandler {
  const expected = new SecretCheck(`Bearer ${secret}`);
  return async (c, next) => {
    if (BROWSER_HEADERS.some((name) => c.req.header(name) !== undefined)) {
      return problem(403, "this is not for browsers");
    }
    if (!expected.matches(c.req.header("authorization") ?? "")) {
      return problem(401, "CLUSTER_SECRET is not the same on both servers");
    }
    return next();
  };
}
