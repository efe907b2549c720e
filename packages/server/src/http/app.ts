import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Health } from "../runtime/health.ts";
import type { ApiEnv, ApiHono } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";
import type { AdminGate } from "./admin-gate.ts";
import { wrongMethod } from "./api/request-checks.ts";
import { healthRoutes } from "./health-routes.ts";

/** The example editor, built into the package. */
const SITE = fileURLToPath(new URL("../../site", import.meta.url));
/** The dashboard, also built into the package. */
const DASHBOARD = fileURLToPath(new URL("../../dashboard", import.meta.url));

/** The parts of the HTTP application. */
export interface AppParts {
  readonly health: Health;
  /** The routes for other servers, in a cluster. */
  readonly cluster: readonly Hono<ApiEnv>[];
  /** Controls access to the routes registered after it. */
  readonly admin: ApiHono;
  readonly gate: AdminGate;
  readonly metrics: Hono;
  readonly api: ApiHono;
  /** Whether to serve the example editor. */
  readonly showsEditor: boolean;
  /** Whether the server itself terminates TLS. */
  readonly isSecure: boolean;
}

const POLICY = {
  defaultSrc: ["'self'"],
  imgSrc: ["'self'", "data:"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};
const EDITOR_POLICY = {
  ...POLICY,
  connectSrc: ["'self'", "ws:", "wss:"],
  // The editor injects its theme as style elements.
  styleSrc: ["'self'", "'unsafe-inline'"],
};
/** HSTS for one year. Behind a TLS-terminating proxy, the proxy decides whether to send it. */
const ALWAYS_TLS = "max-age=31536000";

/**
 * The HTTP application: health checks, routes for other servers, the API, the metrics,
 * the example editor at `/` and the dashboard at `/dashboard`.
 */
export function createApp(parts: AppParts): Hono<ApiEnv> {
  const { health, cluster, admin, gate, metrics, api, showsEditor, isSecure } = parts;
  const app = new Hono<ApiEnv>();
  const strictTransportSecurity = isSecure ? ALWAYS_TLS : false;
  const headers = secureHeaders({ contentSecurityPolicy: POLICY, strictTransportSecurity });
  const editorHeaders = secureHeaders({
    contentSecurityPolicy: EDITOR_POLICY,
    strictTransportSecurity,
  });
  app.use((c, next) => (c.req.path === "/" ? editorHeaders : headers)(c, next));
  app.route("/", healthRoutes(health, gate));
  for (const routes of cluster) app.route("/", routes);
  app.route("/", admin);
  app.route("/", metrics);
  app.route("/", api);
  // The dashboard finds its files and the API relative to its own URL, so any proxy prefix works.
  app.get("/dashboard", (c) => c.redirect("dashboard/", 301));
  app.get("/dashboard/*", serveStatic({ root: DASHBOARD, rewriteRequestPath: withoutDashboard }));
  if (showsEditor) app.get("*", serveStatic({ root: SITE }));
  app.notFound((c) => {
    const routes = app.routes.filter(({ method, path }) => method !== "ALL" && path === c.req.path);
    if (routes.length === 0) return problem(404, `no such resource: ${c.req.path}`);
    return wrongMethod(
      c,
      routes.map(({ method }) => method),
    );
  });
  app.onError(() => problem(500, "the request failed; see the server's log"));
  return app;
}

function withoutDashboard(path: string): string {
  return path.slice("/dashboard".length);
}
