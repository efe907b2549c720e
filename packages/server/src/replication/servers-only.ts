import type { MiddlewareHandler } from "hono";
import { LRUCache } from "lru-cache";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { FailedAttempts } from "../runtime/http/failed-attempts.ts";
import { problem } from "../runtime/http/problem.ts";
import { SecretCheck } from "../runtime/http/secret-check.ts";

/** Browsers send at least one of these; servers send none. */
const BROWSER_HEADERS = ["origin", "sec-fetch-mode", "sec-fetch-site"];

export type ServersOnly = MiddlewareHandler<ApiEnv>;

/** How many addresses of known servers are remembered. */
const MAX_SERVERS = 10_000;

/**
 * Admits only servers of the cluster, that is, callers that know its secret. Failed attempts are
 * throttled as for ADMIN_TOKEN, except from addresses from which a server has called.
 */
export function serversOnly(secret: string): ServersOnly {
  const expected = new SecretCheck(`Bearer ${secret}`);
  const failed = new FailedAttempts();
  const servers: LRUCache<string, true> = new LRUCache({ max: MAX_SERVERS });
  return async (c, next) => {
    // Routes see a normalised path. A request that a proxy let through under a different path must
    // not reach them.
    if (!isInternal(c.env.incoming.url)) return problem(404, `no such resource: ${c.req.path}`);
    if (BROWSER_HEADERS.some((name) => c.req.header(name) !== undefined)) {
      return problem(403, "browsers may not call this");
    }
    const address = c.env.incoming.socket.remoteAddress ?? "";
    const now = Date.now();
    const isServer = servers.get(address) === true;
    if (!isServer && failed.isBlocked(address, now)) {
      return problem(429, `too many wrong secrets came from ${address}; try again in a minute`);
    }
    if (!expected.matches(c.req.header("authorization") ?? "")) {
      failed.add(address, now);
      return problem(401, "CLUSTER_SECRET is not the same on both servers");
    }
    if (!isServer) servers.set(address, true);
    return next();
  };
}

function isInternal(target: string | undefined): boolean {
  return target?.startsWith("/cluster/") === true && !/%|\/\/|\/\.{1,2}(\/|$)/.test(target);
}
