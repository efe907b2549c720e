import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Health } from "../runtime/health.ts";
import type { ApiEnv, ApiHono } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";
import { type AdminGate, passes } from "./admin-gate.ts";
import { wrongMethod } from "./api/request-checks.ts";

/** The example editor, built into the package. */
const SITE = fileURLToPath(new URL("../../site", import.meta.url));
/** The application for developers, likewise. */
const DASHBOARD = fileURLToPath(new URL("../../dashboard", import.meta.url));

/** What the HTTP side of the server consists of. */
export interface AppParts {
  readonly health: Health;
  /** The routes for other servers, in a cluster. */
  readonly cluster: readonly Hono<ApiEnv>[];
  /** Decides who may use what is behind it. */
  readonly admin: ApiHono;
  readonly gate: AdminGate;
  readonly metrics: Hono;
  readonly api: ApiHono;
  /** Whether the example editor is there. */
  readonly showsEditor: boolean;
  /** Whether the server itself speaks TLS. */
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
  // The editor puts its theme into style elements.
  styleSrc: ["'self'", "'unsafe-inline'"],
};
/** For a year, browsers use nothing but TLS with this host. At a proxy, that is for the proxy to say. */
const ALWAYS_TLS = "max-age=31536000";

/**
 * The HTTP side of the server: health, what other servers ask for, the API, the metrics,
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
  app.get("/health/live", (c) => c.json({ status: "ok" }));
  app.get("/health/ready", async (c) => {
    const failing = health.failing();
    const warnings = health.warnings();
    const isReady = Object.keys(failing).length === 0;
    const isQuiet = Object.keys(warnings).length === 0;
    if (isReady && isQuiet) return c.json({ status: "ok", failing }, 200);
    // Reasons name rooms and addresses, which are for administrators.
    const shown = (await passes(gate, c))
      ? { failing, ...(isQuiet ? {} : { warnings }) }
      : { failing: Object.fromEntries(Object.keys(failing).map((part) => [part, "failing"])) };
    return c.json({ status: isReady ? "ok" : "failing", ...shown }, isReady ? 200 : 503);
  });
  app.get("/health/accepting", (c) => {
    const { accepting } = health;
    return c.json({ status: accepting ? "ok" : "draining" }, accepting ? 200 : 503);
  });
  for (const routes of cluster) app.route("/", routes);
  app.route("/", admin);
  app.route("/", metrics);
  app.route("/", api);
  // Its files, and the API, are found relative to it: under whatever prefix a proxy has put it.
  app.get("/dashboard", (c) => c.redirect("dashboard/", 301));
  app.get("/dashboard/*", serveStatic({ root: DASHBOARD, rewriteRequestPath: withoutDashboard }));
  if (showsEditor) app.get("*", serveStatic({ root: SITE }));
  app.notFound((c) => {
    const routes = app.routes.filter(({ method, path }) => method !== "ALL" && path === c.req.path);
    if (routes.length === 0) return problem(404, `there is nothing at ${c.req.path}`);
    return wrongMethod(
      c,
      routes.map(({ method }) => method),
    );
  });
  app.onError(() => problem(500, "the request failed; the server's log says why"));
  return app;
}

function withoutDashboard(path: string): string {
  return path.slice("/dashboard".length);
}
