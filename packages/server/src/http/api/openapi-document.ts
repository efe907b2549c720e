import type { ApiHono } from "../../runtime/http/api-hono.ts";
import { SESSION_COOKIE } from "../admin-session.ts";

/** Describes the routes in the form of OpenAPI 3.1, when it is called. */
export function openApiDocument(
  app: ApiHono,
  version: string,
): () => ReturnType<ApiHono["getOpenAPI31Document"]> {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "The ADMIN_TOKEN of the server.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: SESSION_COOKIE,
    description: "From `POST /api/session`. For browsers, and only for pages of the same origin.",
  });
  return () =>
    app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Symphony", version, description: DESCRIPTION },
      security: [{ token: [] }, { session: [] }],
    });
}

const DESCRIPTION =
  "What developers see and do on a Symphony server or cluster; any server answers for all. Times are " +
  "ISO 8601 in UTC, sizes are bytes, and errors are `application/problem+json`. Without ADMIN_TOKEN " +
  "the API answers only requests from the same machine.";
