import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { type ApiHono, noStore } from "../../runtime/http/api-hono.ts";
import { problem } from "../../runtime/http/problem.ts";
import { sessionRoutes } from "../admin-access.ts";
import { SESSION_COOKIE } from "../admin-session.ts";
import { activityRoutes } from "./activity-routes.ts";
import type { ApiServices } from "./api-services.ts";
import { documentRoutes } from "./document-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { answerErrors, invalidParameters, problems } from "./problems.ts";
import { checkRequests } from "./request-checks.ts";
import { roomRoutes } from "./room-routes.ts";

const DESCRIPTION =
  "Inspect and administer a Symphony server or cluster; any server answers for the whole cluster. Times " +
  "are ISO 8601 in UTC, sizes are in bytes, and errors are `application/problem+json`. Without " +
  "ADMIN_TOKEN, the API accepts only requests from the same machine.";

const description = createRoute({
  method: "get",
  path: "/api/openapi.json",
  tags: ["Description"],
  operationId: "getDescription",
  summary: "This description",
  responses: {
    200: {
      description: "An OpenAPI document.",
      content: { "application/json": { schema: z.looseObject({}) } },
    },
    ...problems(),
  },
});

/** The REST API, at `/api`. Access is checked before these routes. */
export function apiRoutes(services: ApiServices): ApiHono {
  const app: ApiHono = new OpenAPIHono({
    defaultHook: (result, c) => {
      if (!result.success) throw invalidParameters(result.error, c.req.query());
    },
  });
  app.onError(answerErrors(services.logger));
  app.use("/api/*", noStore);
  app.use("/api/*", checkRequests(app));
  for (const routes of [roomRoutes, documentRoutes, activityRoutes, eventRoutes]) {
    app.route("/", routes(services));
  }
  for (const route of sessionRoutes) app.openAPIRegistry.registerPath(route);
  const document = openApiDocument(app, services.version);
  app.openAPIRegistry.registerPath(description);
  app.get(description.path, (c) => c.json(document()));
  app.all("/api/*", (c) => problem(404, `no such resource: ${c.req.method} ${c.req.path}`));
  return app;
}

/** Returns a function that generates the OpenAPI 3.1 document of the routes. */
function openApiDocument(
  app: ApiHono,
  version: string,
): () => ReturnType<ApiHono["getOpenAPI31Document"]> {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "The server's ADMIN_TOKEN.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: SESSION_COOKIE,
    description: "Set by `POST /api/session`. For browsers, and only for pages of the same origin.",
  });
  return () =>
    app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Symphony", version, description: DESCRIPTION },
      security: [{ token: [] }, { session: [] }],
    });
}
