import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Incarnation, ServerAddress } from "../replication/registry.ts";
import type { ServersOnly } from "../replication/servers-only.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";
import { MAX_STALE_ROOMS, START_PATH, startNotice } from "./start-notice.ts";

const MAX_NOTICE_BYTES = 4 * 1024;

/** Whoever knows which server holds what. */
export interface KnownRuns {
  /** An earlier run of a server has ended. @returns the rooms that it held, as far as they are open */
  foundRun(server: ServerAddress, incarnation: Incarnation): string[];
}

/** Where other servers tell this one that they were started. */
export function startRoutes(only: ServersOnly, rooms: KnownRuns): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const limit = bodyLimit({ maxSize: MAX_NOTICE_BYTES });
  app.post(START_PATH, only, limit, async (c) => {
    const notice = startNotice.safeParse(await c.req.json().catch(() => null));
    if (!notice.success) return problem(400, "a notice of a start that is not understood");
    const { address, incarnation } = notice.data;
    return c.json({ rooms: rooms.foundRun(address, incarnation).slice(0, MAX_STALE_ROOMS) });
  });
  return app;
}
