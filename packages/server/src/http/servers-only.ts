import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";

/** Browsers send at least one of these; servers send none. */
const BROWSER_HEADERS = ["origin", "sec-fetch-mode", "sec-fetch-site"];

/** Lets only the servers of the cluster pass: those that know its secret. */
export function serversOnly(secret: string): MiddlewareHandler {
  const expected = digest(`Bearer ${secret}`);
  return async (c, next) => {
    if (BROWSER_HEADERS.some((name) => c.req.header(name) !== undefined)) {
      return problem(403, "this is not for browsers");
    }
    // Digests have the same length, whatever was sent, and take the same time to compare.
    if (!timingSafeEqual(digest(c.req.header("authorization") ?? ""), expected)) {
      return problem(401, "CLUSTER_SECRET is not the same on both servers");
    }
    return next();
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
