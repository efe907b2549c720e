import { afterEach, describe, expect, it, vi } from "vitest";
import { AccessUnavailableError } from "../../src/auth/access.ts";
import { WebhookAccess } from "../../src/auth/webhook-access.ts";
import { waitFor } from "../support/wait-for.ts";
import { attempt, outcome } from "./attempt.ts";
import {
  endless,
  type HttpService,
  json,
  silence,
  startHttpService,
  status,
} from "./http-service.ts";

const WRITE = json({ access: "read-write" });

const releases: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const release of releases.splice(0).reverse()) await release();
});

interface Asking {
  readonly service: HttpService;
  readonly access: WebhookAccess;
  enter(token: string | undefined, room?: string): Promise<string>;
}

async function asking(answer: HttpService["answer"]): Promise<Asking> {
  const service = await startHttpService(answer);
  const access = new WebhookAccess(service.url);
  releases.push(
    () => service.close(),
    () => access.close(),
  );
  return {
    service,
    access,
    enter: (token, room) => outcome(access.authorize(attempt(token, room))),
  };
}

/** Responds once the test calls `go`. */
function held(answer: HttpService["answer"]): { answer: HttpService["answer"]; go(): void } {
  const waiting: (() => void)[] = [];
  let open = false;
  return {
    answer: (response, body) => {
      const reply = () => answer(response, body);
      if (open) reply();
      else waiting.push(reply);
    },
    go: () => {
      open = true;
      for (const reply of waiting.splice(0)) reply();
    },
  };
}

function later(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

async function requestsCame(service: HttpService, count: number): Promise<void> {
  await waitFor(() => service.requests.length >= count, {
    message: () => `${service.requests.length} of ${count} requests have arrived`,
  });
}

describe("an application", () => {
  it("receives room, token and address, and returns subject, level and expiry", async () => {
    const expiresAt = Date.now() + 60_000;
    const { service, access, enter } = await asking(
      json({ subject: "zoe", access: "presence-only", expiresAt, more: true }),
    );
    expect(await access.authorize(attempt("its token", "team/café"))).toEqual({
      subject: "zoe",
      level: "presence-only",
      expiresAt,
    });
    expect(await enter(undefined, "x")).toBe("presence-only");
    expect(service.requests.map((body) => JSON.parse(body))).toEqual([
      { room: "team/café", token: "its token", address: "192.0.2.1" },
      { room: "x", token: null, address: "192.0.2.1" },
    ]);
  });

  it.each<[string, HttpService["answer"], string]>([
    ["the minimum", WRITE, "read-write"],
    ["null fields", json({ subject: null, access: "read-only", expiresAt: null }), "read-only"],
    ["401", status(401), "unauthenticated"],
    ["403", status(403), "forbidden"],
    ["403 and a body", json({ access: "read-write" }, {}, 403), "forbidden"],
    ["400", status(400), "unavailable"],
    ["404", status(404), "unavailable"],
    ["500", status(500), "unavailable"],
    ["204", status(204), "unavailable"],
    ["201", json({ access: "read-write" }, {}, 201), "unavailable"],
    ["no body", status(200), "unavailable"],
    ["a body that is not JSON", (r) => r.end("<html>"), "unavailable"],
    ["a JSON array", json(["read-write"]), "unavailable"],
    ["true", json(true), "unavailable"],
    ["null", json(null), "unavailable"],
    ["no level", json({ subject: "zoe" }), "unavailable"],
    ["an unknown level", json({ access: "admin" }), "unavailable"],
    ["a level inherited by every object", json({ access: "toString" }), "unavailable"],
    ["a subject that is not a string", json({ subject: 5, access: "read-write" }), "unavailable"],
    [
      "an expiry that is not a number",
      json({ access: "read-write", expiresAt: "x" }),
      "unavailable",
    ],
    [
      "a misspelt expiry",
      json({ access: "read-write", expires_at: Date.now() + 1e6 }),
      "unavailable",
    ],
    ["additional fields", json({ access: "read-write", name: "Zoe", team: 5 }), "read-write"],
    ["an expiry in seconds", json({ access: "read-write", expiresAt: 4e9 }), "unavailable"],
    [
      "an infinite expiry",
      (r) => r.end('{"access":"read-write","expiresAt":1e999}'),
      "unavailable",
    ],
    ["a polluted prototype", (r) => r.end('{"__proto__":{"access":"read-write"}}'), "unavailable"],
    [
      "a body that is too large",
      json({ access: "read-write", filler: "x".repeat(70_000) }),
      "unavailable",
    ],
    ["deep nesting", (r) => r.end("[".repeat(60_000)), "unavailable"],
    ["a broken connection", (r) => r.destroy(), "unavailable"],
    ["half a body", (r) => r.write('{"acc', () => r.destroy()), "unavailable"],
  ])("that responds with %s", async (_, answer, expected) => {
    const { enter } = await asking(answer);
    expect(await enter("token")).toBe(expected);
  });

  it.each<[string, HttpService["answer"]]>([
    ["does not respond", silence],
    ["never ends its response", endless],
  ])("that %s times out after three seconds", async (_, answer) => {
    const { service, access, enter } = await asking(answer);
    const started = performance.now();
    expect(await enter("token")).toBe("unavailable");
    expect(performance.now() - started).toBeGreaterThan(2_900);
    expect(performance.now() - started).toBeLessThan(10_000);
    service.answer = WRITE;
    expect((await access.authorize(attempt("token"))).level).toBe("read-write");
  });

  it("that is unreachable admits nobody; the error reveals neither token nor URL", async () => {
    const service = await startHttpService(WRITE);
    await service.close();
    const access = new WebhookAccess(`${service.url}?key=hidden`);
    const message = await access.authorize(attempt("secret token")).then(
      () => "admitted",
      (error: unknown) => (error instanceof AccessUnavailableError ? error.message : "denied"),
    );
    expect(message).toMatch(/^AUTH_WEBHOOK_URL .*ECONNREFUSED/);
    expect(message).not.toMatch(/secret|hidden/);
    access.close();
  });

  it("that redirects is not followed", async () => {
    const elsewhere = await startHttpService(WRITE);
    releases.push(() => elsewhere.close());
    const { enter } = await asking((r) => r.writeHead(307, { location: elsewhere.url }).end());
    expect(await enter("token")).toBe("unavailable");
    expect(elsewhere.requests).toEqual([]);
  });

  it("that echoes the token does not leak it into the error", async () => {
    const { access } = await asking((response, body) => response.end(JSON.parse(body).token));
    const entering = access.authorize(attempt("secret"));
    await expect(entering).rejects.toThrow(/: the body is not JSON$/);
    await expect(entering).rejects.not.toHaveProperty("cause.cause");
  });

  it("is not asked about tokens that are too long", async () => {
    const { service, enter } = await asking(WRITE);
    expect(await enter("x".repeat(32_769))).toBe("unauthenticated");
    expect(service.requests).toEqual([]);
    expect(await enter("x".repeat(32_768))).toBe("read-write");
  });

  it("is no longer waited for or asked after close", async () => {
    const { service, access, enter } = await asking(silence);
    const entering = enter("token");
    await requestsCame(service, 1);
    access.close();
    expect(await entering).toBe("unavailable");
    expect(await enter("another")).toBe("unavailable");
    expect(service.requests).toHaveLength(1);
  });

  it.each(["", "example.com", "ws://example.com", "https://me:hidden@example.com"])(
    "cannot have the URL %j",
    (url) => {
      expect(() => new WebhookAccess(url)).toThrow(/^AUTH_WEBHOOK_URL: must /);
      expect(() => new WebhookAccess(url)).not.toThrow(/hidden/);
    },
  );
});

describe("a cached decision", () => {
  it.each<[string, HttpService["answer"], string]>([
    ["granted", WRITE, "read-write"],
    ["401", status(401), "unauthenticated"],
    ["403", status(403), "forbidden"],
  ])("is kept for ten seconds: %s", async (_, answer, expected) => {
    const { service, enter } = await asking(answer);
    expect(await enter("token")).toBe(expected);
    later(9_000);
    expect(await enter("token")).toBe(expected);
    expect(service.requests).toHaveLength(1);
    later(2_000);
    expect(await enter("token")).toBe(expected);
    expect(service.requests).toHaveLength(2);
  });

  it.each([
    ["max-age=60", 59, 61],
    ["private, Max-Age=2", 1, 3],
    ["max-age=99999999999", 3599, 3601],
    ["public", 9, 11],
  ])("is kept as long as cache-control allows: %s", async (control, within, after) => {
    const { service, enter } = await asking(
      json({ access: "read-only" }, { "cache-control": control }),
    );
    await enter("token");
    later(within * 1000);
    await enter("token");
    expect(service.requests).toHaveLength(1);
    later((after - within) * 1000);
    await enter("token");
    expect(service.requests).toHaveLength(2);
  });

  it.each(["no-store", "no-cache", "max-age=0", "max-age=60, no-store"])(
    "is not kept if cache-control forbids it: %s",
    async (control) => {
      const { service, enter } = await asking(
        json({ access: "read-only" }, { "cache-control": control }),
      );
      await enter("token");
      await enter("token");
      expect(service.requests).toHaveLength(2);
    },
  );

  it("is not kept beyond the expiry of the access it grants", async () => {
    const { service, enter } = await asking(
      json({ access: "read-write", expiresAt: Date.now() + 2_000 }),
    );
    expect(await enter("token")).toBe("read-write");
    later(2_500);
    service.answer = status(401);
    expect(await enter("token")).toBe("unauthenticated");
  });

  it("is not made from a failed request", async () => {
    const { service, enter } = await asking(status(500));
    expect(await enter("token")).toBe("unavailable");
    service.answer = WRITE;
    expect(await enter("token")).toBe("read-write");
  });

  it("applies to one room, token and address", async () => {
    const { service, access } = await asking(WRITE);
    const base = attempt("token");
    for (const other of [
      base,
      { ...base, room: "other" },
      { ...base, token: "other" },
      { ...base, token: undefined },
      { ...base, address: "192.0.2.2" },
    ]) {
      await access.authorize(other);
    }
    expect(service.requests).toHaveLength(5);
  });

  it("is dropped when its room is forgotten", async () => {
    const { service, access, enter } = await asking(WRITE);
    for (const room of ["room", "room2", "roo"]) await enter("token", room);
    service.answer = status(403);
    access.forget("room");
    expect(await enter("token", "room")).toBe("forbidden");
    expect(await enter("token", "room2")).toBe("read-write");
    expect(await enter("token", "roo")).toBe("read-write");
  });
});

describe("pending requests", () => {
  it("are shared by identical attempts", async () => {
    const gate = held(WRITE);
    const { service, enter } = await asking(gate.answer);
    const entering = Array.from({ length: 50 }, (_, i) => enter(i % 2 === 0 ? "even" : "odd"));
    await requestsCame(service, 2);
    gate.go();
    expect(new Set(await Promise.all(entering))).toEqual(new Set(["read-write"]));
    expect(service.requests).toHaveLength(2);
  });

  it("are neither shared nor cached once their room has been forgotten", async () => {
    const gate = held(WRITE);
    const { service, access, enter } = await asking(gate.answer);
    const before = enter("token");
    await requestsCame(service, 1);
    access.forget("room");
    service.answer = status(403);
    expect(await enter("token")).toBe("forbidden");
    gate.go();
    expect(await before).toBe("read-write");
    expect(await enter("token")).toBe("forbidden");
    expect(service.requests).toHaveLength(2);
  });

  it("are limited to 32 per network, with 2000 waiting; the rest are refused immediately", async () => {
    const { service, access, enter } = await asking(silence);
    const entering = Array.from({ length: 32 + 2_000 + 100 }, (_, i) => enter(`token ${i}`));
    const refused = await Promise.all(entering.slice(-100));
    expect(new Set(refused)).toEqual(new Set(["unavailable"]));
    await requestsCame(service, 32);
    access.close();
    expect(new Set(await Promise.all(entering))).toEqual(new Set(["unavailable"]));
    expect(service.requests).toHaveLength(32);
  });

  it("are not sent if they waited too long", async () => {
    const { service, enter } = await asking(silence);
    const entering = Array.from({ length: 100 }, (_, i) => enter(`token ${i}`));
    expect(new Set(await Promise.all(entering))).toEqual(new Set(["unavailable"]));
    expect(service.requests).toHaveLength(64);
    service.answer = WRITE;
    expect(await enter("token 1")).toBe("read-write");
  });
});
