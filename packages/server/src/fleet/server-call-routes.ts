import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";
import { PeerError } from "../replication/peers.ts";
import type { ServersOnly } from "../replication/servers-only.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";
import { streamParts } from "../runtime/http/stream-parts.ts";
import {
  CALLS_PATH,
  type CallName,
  callMessages,
  encodeInspected,
} from "./server-call-messages.ts";
import type { ServerCalls } from "./server-calls.ts";

/** More than a thousand room names of maximum length take, even with every character escaped. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** The routes on which other servers call this one. */
export function serverCallRoutes(only: ServersOnly, server: ServerCalls): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  /** Serves one call. @param answer receives the validated request */
  function serve<Name extends CallName>(
    name: Name,
    answer: (asked: z.infer<(typeof callMessages)[Name]["request"]>) => Promise<Response>,
  ): void {
    const { request } = callMessages[name];
    const limit = bodyLimit({ maxSize: MAX_REQUEST_BYTES });
    app.post(`${CALLS_PATH}/${name}`, only, limit, async (c) => {
      const asked = request.safeParse(await readJson(c));
      if (!asked.success) return problem(400, `the body of the ${name} call is not valid`);
      try {
        return await answer(asked.data as z.infer<(typeof callMessages)[Name]["request"]>);
      } catch (error) {
        if (error instanceof PeerError) return problem(503, error.message);
        throw error;
      }
    });
  }

  serve("status", async () => json(await server.status()));
  serve("liveRooms", async ({ since }) => json(await server.liveRooms(since)));
  serve("held", async ({ rooms }) => json(await server.held(rooms)));
  serve("inspect", async ({ room }) => {
    const document = await server.inspect(room);
    if (document === null) return problem(404, "this server does not have the document open");
    return streamParts(encodeInspected(document));
  });
  serve("dropRoom", async ({ room }) => {
    await server.dropRoom(room);
    return json({});
  });
  serve("reopenRoom", async ({ room, closedUntil }) => {
    await server.reopenRoom(room, closedUntil);
    return json({});
  });
  serve("recheck", async ({ room }) => {
    await server.recheck(room);
    return json({});
  });
  return app;
}

/** @returns `undefined` if the body is not JSON */
async function readJson(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function json(value: unknown): Response {
  return streamParts([new TextEncoder().encode(JSON.stringify(value))], "application/json");
}
