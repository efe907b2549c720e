import type { ApiHono } from "../../runtime/http/api-hono.ts";
import { SESSION_COOKIE } from "../admin-session.ts";

/** Returns a function that generates the OpenAPI 3.1 document of the routes. */
export function openApiDocument(
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

const DESCRIPTION =
  "Inspect and administer a Symphony server or cluster; any server answers for the whole cluster. Times " +
  "are ISO 8601 in UTC, sizes are in bytes, and errors are `application/problem+json`. Without " +
  "ADMIN_TOKEN, the API accepts only requests from the same machine.";
