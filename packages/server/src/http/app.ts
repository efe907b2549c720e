import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Health } from "./health.ts";
import { problem } from "./problem.ts";

/** The example editor, built into the package. */
const SITE = fileURLToPath(new URL("../../site", import.meta.url));

/**
 * The HTTP side of the server: health, what other servers ask for, and the example editor at `/`.
 *
 * @param peers the routes for other servers, in a cluster
 */
export function createApp(health: Health, peers: Hono | null): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        connectSrc: ["'self'", "ws:", "wss:"],
        // The editor puts its theme into style elements.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      // Whether this host is reached by TLS is for the proxy to say.
      strictTransportSecurity: false,
    }),
  );
  app.get("/health/live", (c) => c.json({ status: "ok" }));
  app.get("/health/ready", (c) => {
    const failing = health.failing();
    const ready = Object.keys(failing).length === 0;
    return c.json({ status: ready ? "ok" : "failing", failing }, ready ? 200 : 503);
  });
  app.get("/health/accepting", (c) => {
    const { accepting } = health;
    return c.json({ status: accepting ? "ok" : "draining" }, accepting ? 200 : 503);
  });
  if (peers !== null) app.route("/", peers);
  app.get("*", serveStatic({ root: SITE }));
  app.notFound((c) => problem(404, `there is nothing at ${c.req.path}`));
  app.onError(() => problem(500, "the request failed; the server's log says why"));
  return app;
}
