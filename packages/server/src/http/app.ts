import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Health } from "./health.ts";

/** The example editor, built into the package. */
const SITE = fileURLToPath(new URL("../../site", import.meta.url));

/** The HTTP side of the server: health, and the example editor at `/`. */
export function createApp(health: Health): Hono {
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
  app.get("*", serveStatic({ root: SITE }));
  app.notFound((c) => problem(404, `there is nothing at ${c.req.path}`));
  app.onError(() => problem(500, "the request failed; the server's log says why"));
  return app;
}

/** An error in the form of RFC 9457. */
function problem(status: number, detail: string): Response {
  return new Response(JSON.stringify({ type: "about:blank", status, detail }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}
