import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { ApiHono } from "../../runtime/http/api-hono.ts";
import { bucketsOf } from "./activity-range.ts";
import type { ApiServices } from "./api-services.ts";
import { problems } from "./problems.ts";
import { isoTime } from "./room-json.ts";
import { connectionsQuerySchema, connectionsSchema, serversSchema } from "./schemas.ts";

const connections = createRoute({
  method: "get",
  path: "/api/connections",
  tags: ["Servers"],
  operationId: "getConnections",
  summary: "Connections and active rooms over time",
  request: { query: connectionsQuerySchema },
  responses: {
    200: {
      description: "One point per bucket; by default, the last 24 hours.",
      content: { "application/json": { schema: connectionsSchema } },
    },
    ...problems(400),
  },
});

const servers = createRoute({
  method: "get",
  path: "/api/servers",
  tags: ["Servers"],
  operationId: "listServers",
  summary: "The live servers",
  responses: {
    200: {
      description: "The status that each server reports about itself.",
      content: { "application/json": { schema: serversSchema } },
    },
    ...problems(),
  },
});

/** The status of the servers, and activity over time. */
export function activityRoutes({ metadata, fleet }: ApiServices): ApiHono {
  const app: ApiHono = new OpenAPIHono();
  app.openapi(connections, async (c) => {
    const { from, to, bucket } = bucketsOf(c.req.valid("query"), Date.now());
    const points = await metadata.activity({ from, to, bucket });
    return c.json(
      {
        from: isoTime(from),
        to: isoTime(to),
        bucket: bucket / 1_000,
        points: points.map(({ at, connections, rooms, connects }) => ({
          at: isoTime(at),
          connections,
          rooms,
          connects,
        })),
      },
      200,
    );
  });
  app.openapi(servers, async (c) => {
    const { servers, unreachable } = await fleet.statuses();
    return c.json(
      {
        servers: servers.map((server) => ({ ...server, startedAt: isoTime(server.startedAt) })),
        unreachable: [...unreachable],
      },
      200,
    );
  });
  return app;
}
