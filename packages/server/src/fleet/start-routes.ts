import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Incarnation, ServerAddress } from "../replication/registry.ts";
import type { ServersOnly } from "../replication/servers-only.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";
import { MAX_STALE_ROOMS, START_PATH, startNotice } from "./start-notice.ts";

const MAX_NOTICE_BYTES = 4 * 1024;

/** Drops what is known about earlier runs of a server. */
export interface KnownRuns {
  /**
   * Earlier runs of a server have ended.
   *
   * @returns the rooms that they held and that are open here
   */
  foundRun(server: ServerAddress, incarnation: Incarnation): string[];
}

/** The route on which other servers announce that they have started. */
export function startRoutes(only: ServersOnly, rooms: KnownRuns): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const limit = bodyLimit({ maxSize: MAX_NOTICE_BYTES });
  app.post(START_PATH, only, limit, async (c) => {
    const notice = startNotice.safeParse(await c.req.json().catch(() => null));
    if (!notice.success) return problem(400, "the start notice is not valid");
    const { address, incarnation } = notice.data;
    return c.json({ rooms: rooms.foundRun(address, incarnation).slice(0, MAX_STALE_ROOMS) });
  });
  return app;
}
