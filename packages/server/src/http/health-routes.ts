import { Hono } from "hono";
import type { Health } from "../runtime/health.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { type AdminGate, passes } from "./admin-gate.ts";

/**
 * The health checks: `live` answers as long as the process does, `ready` tells whether all parts work,
 * and `accepting` tells load balancers whether to send new clients.
 */
export function healthRoutes(health: Health, gate: AdminGate): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get("/health/live", (c) => c.json({ status: "ok" }));
  routes.get("/health/ready", async (c) => {
    const failing = health.failing();
    const warnings = health.warnings();
    const isReady = Object.keys(failing).length === 0;
    const isQuiet = Object.keys(warnings).length === 0;
    if (isReady && isQuiet) return c.json({ status: "ok", failing }, 200);
    // Reasons name rooms and addresses, which only administrators may see.
    const shown = (await passes(gate, c))
      ? { failing, ...(isQuiet ? {} : { warnings }) }
      : { failing: Object.fromEntries(Object.keys(failing).map((part) => [part, "failing"])) };
    return c.json({ status: isReady ? "ok" : "failing", ...shown }, isReady ? 200 : 503);
  });
  routes.get("/health/accepting", (c) => {
    const { accepting } = health;
    return c.json({ status: accepting ? "ok" : "draining" }, accepting ? 200 : 503);
  });
  return routes;
}
