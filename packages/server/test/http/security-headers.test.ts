import { beforeAll, expect, it } from "vitest";
import { ADMIN, ROOM, Target } from "../attacks/target.ts";
import { send } from "./http-parts.ts";

const CLUSTER_SECRET = "the secret of the cluster";

let target: Target;
beforeAll(async () => {
  target = await Target.start({ CLUSTER_SECRET, ALLOW_ANONYMOUS: "false" }, () => "");
});

const admin = { authorization: `Bearer ${ADMIN}` };
const server = { authorization: `Bearer ${CLUSTER_SECRET}` };
const json = { "content-type": "application/json" };

it.each<[string, string, number, Record<string, string>?, string?]>([
  ["GET", "/", 200],
  ["GET", "/icon.svg", 404],
  ["GET", "/dashboard", 301],
  ["GET", "/dashboard/", 200],
  ["GET", "/dashboard/no-such.js", 404],
  ["GET", "/no-such", 404],
  ["GET", "/..%2f..%2fpackage.json", 404],
  ["POST", "/", 404],
  ["GET", "/health/live", 200],
  ["GET", "/health/ready", 200],
  ["GET", "/health/accepting", 200],
  ["POST", "/health/live", 405],
  ["DELETE", "/health/ready", 405],
  ["PUT", "/metrics", 405, admin],
  ["PUT", "/api/rooms", 405, admin],
  ["GET", "/metrics", 200, admin],
  ["GET", "/metrics", 401],
  ["GET", "/api/session", 200],
  ["POST", "/api/session", 200, json, JSON.stringify({ token: ADMIN })],
  ["POST", "/api/session", 400, json, "{"],
  ["POST", "/api/session", 413, json, " ".repeat(5_000)],
  ["GET", "/api/rooms", 200, admin],
  ["GET", "/api/rooms", 401],
  ["GET", "/api/rooms?limit=no", 400, admin],
  ["GET", `/api/rooms/${ROOM}/document`, 200, admin],
  ["GET", `/api/rooms/${ROOM}/document`, 406, { ...admin, accept: "text/html" }],
  ["POST", `/api/rooms/${ROOM}/updates`, 415, admin, "x"],
  ["GET", "/api/rooms/no-such", 404, admin],
  ["GET", "/api/no-such", 404, admin],
  ["GET", "/api/openapi.json", 200, admin],
  ["POST", "/cluster/v1/calls/status", 200, server, "{}"],
  ["POST", "/cluster/v1/calls/status", 401, {}, "{}"],
])("%s %s: %i", async (method, path, status, headers = {}, body = undefined) => {
  const options = { method, headers, ...(body === undefined ? {} : { body }) };
  const answer = await send({ port: target.server().port, path }, options);
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  });
  const policy = answer.headers["content-security-policy"];
  for (const rule of [
    "default-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]) {
    expect(policy).toContain(rule);
  }
  expect(policy).not.toMatch(/script-src|unsafe-eval|default-src[^;]*unsafe/);
  // Only the proxy knows whether the host is reached over TLS.
  expect(answer.headers["strict-transport-security"]).toBeUndefined();
  expect(answer.headers["x-powered-by"]).toBeUndefined();
  expect(answer.headers.server).toBeUndefined();
  if (path.startsWith("/api/")) expect(answer.headers["cache-control"]).toBe("no-store");
  // Browsers must not guess the type of a body.
  if (answer.body.length > 0) expect(answer.headers["content-type"]).toBeDefined();
});
