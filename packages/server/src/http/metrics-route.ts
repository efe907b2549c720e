import { Hono } from "hono";

/** `GET /metrics`, for Prometheus. Access is checked before this route. */
export function metricsRoute(metrics: { read(): Promise<string> }): Hono {
  const app = new Hono();
  app.get("/metrics", async (c) =>
    c.body(await metrics.read(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "cache-control": "no-store",
    }),
  );
  return app;
}
