import { OpenAPIHono } from "@hono/zod-openapi";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { AllowedOrigins } from "../../src/auth/allowed-origins.ts";
import { adminAccess } from "../../src/http/admin-access.ts";
import { AdminSessions } from "../../src/http/admin-session.ts";
import type { ApiHono } from "../../src/runtime/http/api-hono.ts";
import { type Answer, detailOf, send, serve } from "./http-parts.ts";
import { SharedSessions } from "./shared-sessions.ts";

const logger = pino({ level: "silent" });
const sessions = new SharedSessions();
const TOKEN = "the token of the administrators";
const LISTED = "https://app.example.com";
const OTHER = "https://example.org";
const BEARER = { authorization: `Bearer ${TOKEN}` };

type Ask = (method: string, headers: Record<string, string>, path?: string) => Promise<Answer>;

/** An API that counts the requests that reach it. */
async function api(setting?: string, token?: string): Promise<{ ask: Ask; done: () => number }> {
  let done = 0;
  const app: ApiHono = new OpenAPIHono();
  const origins = new AllowedOrigins(setting);
  app.route("/", adminAccess({ token, proxies: 0, origins, sessions, logger }));
  app.all("/api/thing", (c) => c.text(String(++done)));
  app.get("/api/events", (c) =>
    c.body("data: 1\n\n", 200, { "content-type": "text/event-stream" }),
  );
  app.get("/metrics", (c) => c.text("metrics"));
  const { port } = await serve(app);
  return {
    ask: (method, headers, path = "/api/thing") => send({ port, path }, { method, headers }),
    done: () => done,
  };
}

function preflight(origin: string): Record<string, string> {
  return {
    origin,
    "access-control-request-method": "DELETE",
    "access-control-request-headers": "authorization",
  };
}

function corsHeadersOf({ headers }: Answer): string[] {
  return Object.keys(headers).filter((name) => name.startsWith("access-control-"));
}

describe("a page from a listed origin", () => {
  it("gets a preflight response without a token", async () => {
    const { ask, done } = await api("https://*.example.com", TOKEN);
    for (const path of ["/api/thing", "/api/events", "/api/session"]) {
      const answer = await ask("OPTIONS", preflight(LISTED), path);
      expect(answer.status).toBe(204);
      expect(answer.headers).toMatchObject({
        "access-control-allow-origin": LISTED,
        "access-control-allow-methods": "GET, HEAD, POST, DELETE",
        "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID",
        vary: "Origin",
      });
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    }
    expect(done()).toBe(0);
  });

  it("can read responses, event streams and refusals", async () => {
    const { ask } = await api("https://*.example.com", TOKEN);
    for (const [headers, path, status] of [
      [BEARER, "/api/thing", 200],
      [BEARER, "/api/events", 200],
      [BEARER, "/api/session", 200],
      [{}, "/api/thing", 401],
      [{ authorization: "Bearer wrong" }, "/api/events", 401],
    ] as const) {
      const answer = await ask("GET", { origin: LISTED, ...headers }, path);
      expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([
        status,
        LISTED,
      ]);
      expect(answer.headers.vary).toContain("Origin");
    }
  });

  it("needs the token: neither a session nor a loopback address is enough", async () => {
    const session = await new AdminSessions(TOKEN, sessions, logger).begin(Date.now());
    const cookie = `symphony_session=${session}`;
    for (const token of [TOKEN, undefined]) {
      const { ask, done } = await api(LISTED, token);
      const own = { origin: "http://127.0.0.1", host: "127.0.0.1", cookie };
      expect((await ask("DELETE", own)).status).toBe(200);
      const refused = await ask("DELETE", { origin: LISTED, cookie });
      expect(refused.status).toBe(403);
      expect(refused.headers["access-control-allow-origin"]).toBe(LISTED);
      expect(detailOf(refused)).toContain("another origin");
      expect(done()).toBe(1);
    }
  });
});

describe("a page from an unlisted origin", () => {
  it.each([
    ["no list", undefined],
    ["a list", LISTED],
  ])("gets no CORS headers and changes nothing, with %s", async (_, setting) => {
    const { ask, done } = await api(setting, TOKEN);
    for (const origin of [OTHER, "null", `${LISTED}.example.org`]) {
      for (const path of ["/api/thing", "/api/events", "/api/session"]) {
        const answer = await ask("OPTIONS", preflight(origin), path);
        expect([answer.status, corsHeadersOf(answer)]).toEqual([403, []]);
        expect(detailOf(answer)).toContain("ALLOWED_ORIGINS");
      }
      const answer = await ask("GET", { origin, ...BEARER }, "/api/events");
      expect([answer.status, corsHeadersOf(answer)]).toEqual([
        setting === undefined ? 200 : 403,
        [],
      ]);
    }
    expect(done()).toBe(0);
  });

  it("is refused even with the token if a list is configured", async () => {
    const { ask, done } = await api(LISTED, TOKEN);
    for (const method of ["GET", "POST", "DELETE"]) {
      expect((await ask(method, { origin: OTHER, ...BEARER })).status).toBe(403);
    }
    expect(done()).toBe(0);
  });

  it("is neither a page of the server itself nor a non-browser client", async () => {
    const { ask } = await api(LISTED, TOKEN);
    const own = { origin: "https://collab.example.com", host: "collab.example.com" };
    for (const headers of [own, { origin: own.origin, "sec-fetch-site": "same-origin" }, {}]) {
      const answer = await ask("POST", { ...headers, ...BEARER });
      expect([answer.status, corsHeadersOf(answer)]).toEqual([200, []]);
    }
  });
});

it("the metrics are not readable by any page", async () => {
  const { ask } = await api(LISTED, TOKEN);
  expect((await ask("OPTIONS", preflight(LISTED), "/metrics")).status).toBe(401);
  const answer = await ask("GET", { origin: LISTED, ...BEARER }, "/metrics");
  expect([answer.status, corsHeadersOf(answer)]).toEqual([200, []]);
});

it("`*` lists every origin except opaque ones", async () => {
  const { ask } = await api("*", TOKEN);
  const answers = [await ask("OPTIONS", preflight(OTHER)), await ask("OPTIONS", preflight("null"))];
  expect(answers.map(({ status }) => status)).toEqual([204, 403]);
});
