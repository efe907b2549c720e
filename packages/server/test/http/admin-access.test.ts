import { networkInterfaces } from "node:os";
import { OpenAPIHono } from "@hono/zod-openapi";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { AllowedOrigins } from "../../src/auth/allowed-origins.ts";
import { adminAccess } from "../../src/http/admin-access.ts";
import { AdminSessions } from "../../src/http/admin-session.ts";
import type { ApiHono } from "../../src/runtime/http/api-hono.ts";
import { FailedAttempts } from "../../src/runtime/http/failed-attempts.ts";
import { StorageError } from "../../src/storage/errors.ts";
import type { AdminSessionStore } from "../../src/storage/metadata.ts";
import { type Answer, detailOf, send, serve } from "./http-parts.ts";
import { SharedSessions } from "./shared-sessions.ts";

const TOKEN = "the token of the administrators";
const origins = new AllowedOrigins(undefined);
const logger = pino({ level: "silent" });

type Send = (path: string, options?: Parameters<typeof send>[1], host?: string) => Promise<Answer>;

/** Serves a protected app and returns a function that sends requests to it. */
async function guarded(token: string | undefined, proxies = 0): Promise<Send> {
  const app: ApiHono = new OpenAPIHono();
  app.route("/", adminAccess({ token, proxies, origins, logger }));
  app.all("/api/thing", (c) => c.text("the thing"));
  app.get("/metrics", (c) => c.text("the metrics"));
  app.get("/dashboard", (c) => c.text("a page"));
  const { port } = await serve(app);
  return (path, options, host = "127.0.0.1") => send({ port, path, host }, options);
}

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

function login(token: unknown): Parameters<typeof send>[1] {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  };
}

function cookieOf(answer: Answer): string {
  return answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

/** A non-loopback address of this machine. */
function outerAddress(): string {
  const outer = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal);
  if (outer === undefined) throw new Error("this machine has only loopback addresses");
  return outer.address;
}

describe("with ADMIN_TOKEN", () => {
  it("accepts only the token", async () => {
    const get = await guarded(TOKEN, 1);
    let from = 0;
    expect((await get("/api/thing", { headers: bearer(TOKEN) })).status).toBe(200);
    expect((await get("/metrics", { headers: bearer(TOKEN) })).body.toString()).toBe("the metrics");
    for (const path of ["/api/thing", "/api/no-such", "/metrics"]) {
      for (const headers of [
        {},
        bearer(`${TOKEN}.`),
        bearer(TOKEN.slice(1)),
        { authorization: `Basic ${TOKEN}` },
        { cookie: `symphony_session=${TOKEN}` },
        { cookie: "symphony_session=9999999999999.forged" },
      ]) {
        // Ten wrong tokens from one address would block it.
        const address = { "x-forwarded-for": `192.0.2.${++from}` };
        const refused = await get(path, { headers: { ...headers, ...address } });
        expect(refused.status, `${path} ${JSON.stringify(headers)}`).toBe(401);
        expect(refused.headers["www-authenticate"]).toBe("Bearer");
        expect(detailOf(refused)).toContain("ADMIN_TOKEN");
      }
    }
    expect((await get("/dashboard")).status).toBe(200);
  });

  it("begins a session that grants access, and ends it", async () => {
    const get = await guarded(TOKEN);
    expect(JSON.parse((await get("/api/session")).body.toString())).toEqual({
      authenticated: false,
      required: true,
    });
    const begun = await get("/api/session", login(TOKEN));
    expect(begun.status).toBe(200);
    const [setCookie = ""] = begun.headers["set-cookie"] ?? [];
    expect(setCookie).toMatch(/; HttpOnly/);
    expect(setCookie).toMatch(/; SameSite=Strict/);
    expect(setCookie).toMatch(/; Max-Age=43200/);
    expect(setCookie).not.toMatch(/Secure/);
    expect(setCookie).not.toContain(TOKEN);
    const cookie = cookieOf(begun);
    expect((await get("/api/thing", { headers: { cookie } })).status).toBe(200);
    // A proxy may use the other header for its own credentials.
    const authorization = "Basic cHJveHk6cHJveHk=";
    expect((await get("/metrics", { headers: { cookie, authorization } })).status).toBe(200);
    const session = await get("/api/session", { headers: { cookie } });
    expect(JSON.parse(session.body.toString())).toEqual({ authenticated: true, required: true });
    expect(session.headers["cache-control"]).toBe("no-store");
    const ended = await get("/api/session", { method: "DELETE", headers: { cookie } });
    expect(ended.status).toBe(204);
    expect(ended.headers["set-cookie"]?.[0]).toMatch(/^symphony_session=; Max-Age=0/);
  });

  it("marks the cookie as secure behind TLS", async () => {
    const get = await guarded(TOKEN);
    const { headers, ...rest } = login(TOKEN) ?? {};
    const begun = await get("/api/session", {
      ...rest,
      headers: { ...headers, "x-forwarded-proto": "https" },
    });
    expect(begun.headers["set-cookie"]?.[0]).toMatch(/; Secure/);
  });

  it("refuses wrong and malformed logins", async () => {
    const get = await guarded(TOKEN);
    expect((await get("/api/session", login("wrong"))).status).toBe(401);
    const number = await get("/api/session", login(7));
    expect(number.status).toBe(400);
    expect(detailOf(number)).toMatch(/^token: /);
    const text = await get("/api/session", { ...login(TOKEN), body: "{" });
    expect(text.status).toBe(400);
    expect(detailOf(text)).toMatch(/JSON/);
    const form = await get("/api/session", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: `token=${encodeURIComponent(TOKEN)}`,
    });
    expect(form.status).toBe(415);
    const large = await get("/api/session", login("x".repeat(5_000)));
    expect(large.status).toBe(413);
    detailOf(large);
    for (const refused of [number, text, form, large]) {
      expect(refused.headers["set-cookie"]).toBeUndefined();
    }
  });

  it("refuses requests with a session from pages of other origins", async () => {
    const get = await guarded(TOKEN);
    const cookie = cookieOf(await get("/api/session", login(TOKEN)));
    const statusOf = async (headers: Record<string, string>) =>
      (await get("/api/thing", { method: "DELETE", headers: { cookie, ...headers } })).status;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ "sec-fetch-site": "same-origin" })).toBe(200);
    expect(await statusOf({ "sec-fetch-site": "same-site" })).toBe(403);
    expect(await statusOf({ "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await statusOf({ origin: "http://example.com", host: "example.com" })).toBe(200);
    expect(await statusOf({ origin: "http://example.com", host: "example.com:81" })).toBe(403);
    expect(await statusOf({ origin: "null" })).toBe(403);
    // A page cannot know the token.
    expect(await statusOf({ "sec-fetch-site": "cross-site", ...bearer(TOKEN) })).toBe(200);
  });

  it("counts guessed cookies, and then blocks all but existing sessions from that address", async () => {
    const get = await guarded(TOKEN, 1);
    const from = (address: string, headers: Record<string, string>) =>
      get("/api/thing", { headers: { ...headers, "x-forwarded-for": address } });
    const session = cookieOf(await get("/api/session", login(TOKEN)));
    const statuses: number[] = [];
    for (let i = 0; i < 50; i++) {
      const cookie = `symphony_session=${String(i).padEnd(43, "x")}`;
      statuses.push((await from("192.0.2.1", { cookie })).status);
    }
    expect(statuses.filter((status) => status === 401).length).toBeLessThan(12);
    expect(statuses.at(-1)).toBe(429);
    expect((await from("192.0.2.1", bearer(TOKEN))).status).toBe(429);
    // Signed-in clients stay signed in, at this address and others.
    expect((await from("192.0.2.1", { cookie: session })).status).toBe(200);
    expect((await from("192.0.2.2", bearer(TOKEN))).status).toBe(200);
  });

  it("rejects an ended session and removes its cookie", async () => {
    const get = await guarded(TOKEN);
    const cookie = cookieOf(await get("/api/session", login(TOKEN)));
    expect((await get("/api/thing", { headers: { cookie } })).status).toBe(200);
    await get("/api/session", { method: "DELETE", headers: { cookie } });
    expect((await get("/api/thing", { headers: { cookie } })).status).toBe(401);
    const session = await get("/api/session", { headers: { cookie } });
    expect(JSON.parse(session.body.toString()).authenticated).toBe(false);
    expect(session.headers["set-cookie"]?.[0]).toMatch(/^symphony_session=; Max-Age=0/);
  });

  it("rejects all tokens from a network that sent too many wrong ones", async () => {
    const get = await guarded(TOKEN, 1);
    const statusFrom = async (address: string, token: string) =>
      (
        await get("/api/thing", {
          headers: { ...bearer(token), "x-forwarded-for": `192.0.2.7, ${address}` },
        })
      ).status;
    const cookie = cookieOf(await get("/api/session", login(TOKEN)));
    for (let i = 0; i < 10; i++) expect(await statusFrom("2001:db8::1", "wrong")).toBe(401);
    expect(await statusFrom("2001:db8::1", "wrong")).toBe(429);
    expect(await statusFrom("2001:db8::2:1", TOKEN)).toBe(429);
    expect(await statusFrom("2001:db8:0:1::1", TOKEN)).toBe(200);
    const session = await get("/api/thing", {
      headers: { cookie, "x-forwarded-for": "2001:db8::1" },
    });
    expect(session.status).toBe(200);
  });
});

describe("without ADMIN_TOKEN", () => {
  it("allows requests from this machine", async () => {
    const get = await guarded(undefined);
    for (const host of ["localhost:1234", "127.0.0.1", "127.0.0.8:80", "[::1]:1234"]) {
      expect((await get("/api/thing", { headers: { host } })).status, host).toBe(200);
    }
    expect((await get("/metrics")).status).toBe(200);
    const session = await get("/api/session");
    expect(JSON.parse(session.body.toString())).toEqual({ authenticated: true, required: false });
    expect((await get("/api/session", login("anything"))).status).toBe(400);
  });

  it("refuses all other requests", async () => {
    const get = await guarded(undefined);
    const refusals = [
      await get("/api/thing", {}, outerAddress()),
      await get("/api/thing", { headers: { host: "localhost" } }, outerAddress()),
      await get("/metrics", { headers: { host: "127.0.0.1" } }, outerAddress()),
      await get("/api/session", { headers: { host: "127.0.0.1" } }, outerAddress()),
      await get("/api/thing", { headers: { host: "rebound.example.com" } }),
      await get("/api/thing", { headers: { host: "127.0.0.1.example.com" } }),
      await get("/api/thing", { headers: { "x-forwarded-for": "127.0.0.1" } }),
      await get("/api/thing", { headers: { forwarded: "for=127.0.0.1" } }),
      await get("/api/thing", { headers: { via: "1.1 proxy" } }),
      await get("/api/session", { headers: { "x-real-ip": "127.0.0.1" } }),
    ];
    for (const refused of refusals) {
      expect(refused.status).toBe(403);
      expect(detailOf(refused)).toContain("ADMIN_TOKEN");
    }
    expect((await get("/dashboard", {}, outerAddress())).status).toBe(200);
  });

  it("refuses requests from pages of other origins", async () => {
    const get = await guarded(undefined);
    const headers = { "sec-fetch-site": "cross-site" };
    expect((await get("/api/thing", { method: "POST", headers })).status).toBe(403);
    const origin = "http://localhost:3000";
    expect((await get("/api/thing", { method: "POST", headers: { origin } })).status).toBe(403);
  });
});

describe("sessions", () => {
  const on = (store?: AdminSessionStore, token = TOKEN) => new AdminSessions(token, store, logger);

  it("are valid for twelve hours and only with the token that began them", async () => {
    const store = new SharedSessions();
    const value = await on(store).begin(1_000);
    const end = 1_000 + 12 * 60 * 60 * 1_000;
    expect(await on(store).isValid(value, end - 1)).toBe(true);
    expect(await on(store).isValid(value, end)).toBe(false);
    expect(await on(store, "another token").isValid(value, 1_000)).toBe(false);
    for (const forged of ["", ".", `${value}a`, value.slice(1), [...store.records.keys()][0] ?? ""])
      expect(await on(store).isValid(forged, 1_000), forged).toBe(false);
    expect(JSON.stringify([...store.records])).not.toContain(value);
  });

  it("end on all servers", async () => {
    const store = new SharedSessions();
    const [one, other] = [on(store), on(store)];
    const value = await one.begin(1_000);
    expect(await other.isValid(value, 1_000)).toBe(true);
    await one.end(value);
    expect(await other.isValid(value, 1_000)).toBe(false);
    expect(await one.isValid(value, 1_000)).toBe(false);
  });

  it("stay valid on servers that know them while the store is down", async () => {
    const store = new SharedSessions();
    const server = on(store);
    const value = await server.begin(1_000);
    store.isDown = true;
    expect(await server.isValid(value, 2_000)).toBe(true);
    expect(await on(store).isValid(value, 2_000)).toBe(false);
    const begunNow = await server.begin(2_000);
    expect(await server.isValid(begunNow, 3_000)).toBe(true);
    await expect(server.end(value)).rejects.toThrow(StorageError);
    store.isDown = false;
    expect(await server.isValid(begunNow, 3_000)).toBe(true);
    await server.end(begunNow);
    expect(await server.isValid(begunNow, 3_000)).toBe(false);
  });

  it("need no store on a single server", async () => {
    const server = on();
    const value = await server.begin(1_000);
    expect(await server.isValid(value, 2_000)).toBe(true);
    await server.end(value);
    expect(await server.isValid(value, 2_000)).toBe(false);
  });
});

describe("wrong tokens", () => {
  it("expire with time", () => {
    const failed = new FailedAttempts();
    for (let i = 0; i < 10; i++) {
      expect(failed.isBlocked("192.0.2.1", 0)).toBe(false);
      failed.add("192.0.2.1", 0);
    }
    expect(failed.isBlocked("192.0.2.1", 0)).toBe(true);
    expect(failed.isBlocked("192.0.2.2", 0)).toBe(false);
    expect(failed.isBlocked("192.0.2.1", 5_999)).toBe(true);
    expect(failed.isBlocked("192.0.2.1", 6_000)).toBe(false);
    failed.add("192.0.2.1", 6_000);
    expect(failed.isBlocked("192.0.2.1", 6_000)).toBe(true);
    expect(failed.isBlocked("192.0.2.1", 70_000)).toBe(false);
  });

  it("from many networks tighten the limit for those networks only", () => {
    const failed = new FailedAttempts();
    for (let i = 0; i < 100; i++) failed.add(`192.0.2.${i}`, 0);
    expect(failed.isBlocked("192.0.2.1", 0)).toBe(true);
    expect(failed.isBlocked("198.51.100.1", 0)).toBe(false);
    expect(failed.isBlocked("192.0.2.1", 6_000)).toBe(false);
  });
});
