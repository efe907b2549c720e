import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roomListSchema } from "../../src/http/api/schemas.ts";
import { textOf, updateOf } from "../http/api-parts.ts";
import { startBrowser } from "../support/browser.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { startWebSite } from "./web-site.ts";

// Attacks by pages of other sites, in a real browser, on a server on the visitor's machine.

const ADMIN = "the token of an administrator";
const ROOM = "victim";

let browser: Browser;
let foreign: string;
let listed: string;
/** Default settings: anyone on this machine has full access. */
let open: ServerProcess;
/** Has an admin token and a list of allowed origins. */
let guarded: ServerProcess;

beforeAll(async () => {
  [foreign, listed] = await Promise.all([startWebSite(), startWebSite()]);
  [browser, open, guarded] = await Promise.all([
    startBrowser(["--host-resolver-rules=MAP rebound.example 127.0.0.1"]),
    startServer(),
    startServer({ env: { ADMIN_TOKEN: ADMIN, ALLOWED_ORIGINS: new URL(listed).origin } }),
  ]);
  for (const server of [open, guarded]) {
    const written = await api(server, `/rooms/${ROOM}/updates`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: Buffer.from(updateOf("precious")),
    });
    expect(written.status).toBe(204);
  }
});

afterAll(() => browser?.close());

function api(server: ServerProcess, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${ADMIN}`, ...init.headers };
  return fetch(`${server.url}/api${path}`, { ...init, headers });
}

async function expectUnchanged(server: ServerProcess): Promise<void> {
  const { rooms } = roomListSchema.parse(await (await api(server, "/rooms")).json());
  expect(rooms.map(({ name }) => name)).toEqual([ROOM]);
  const document = await api(server, `/rooms/${ROOM}/document`);
  expect(textOf(new Uint8Array(await document.arrayBuffer()))).toBe("precious");
}

const pages = new Map<string, Page>();

/** The outcome of a page's script: a value, or `refused` if the browser or the server refused. */
async function attempt(url: string, script: string): Promise<unknown> {
  const page = pages.get(url) ?? (await browser.newPage());
  if (page.url() !== url) await page.goto(url);
  pages.set(url, page);
  return page.evaluate(`(async () => { ${script} })().catch((error) => "refused: " + error.name)`);
}

async function onForeignPage(use: (page: Page) => Promise<void>): Promise<void> {
  const page = await browser.newPage();
  await page.goto(foreign);
  await use(page);
  await page.close();
}

const body = `Uint8Array.from([${updateOf("vandalism").join(",")}])`;

describe("a page of another origin, on a machine that the server trusts", () => {
  const room = () => `${open.url}/api/rooms/${ROOM}`;

  it.each([
    ["delete a room", () => `return (await fetch("${room()}", { method: "DELETE" })).status`],
    [
      "write through the API",
      () => `return (await fetch("${room()}/updates", { method: "POST", body: ${body},
        headers: { "content-type": "application/octet-stream" } })).status`,
    ],
    ["read through the API", () => `return (await fetch("${room()}/document")).status`],
    [
      "subscribe to events",
      () => `return new Promise((resolve) => {
        const events = new EventSource("${open.url}/api/events");
        events.onopen = () => resolve("open");
        events.onerror = () => { events.close(); resolve("refused: error"); };
      })`,
    ],
    ["read the metrics", () => `return (await fetch("${open.url}/metrics")).status`],
  ])("cannot %s", async (_, script) => {
    expect(await attempt(foreign, script())).toMatch(/^refused/);
    await expectUnchanged(open);
  });

  it.each([
    ["updates", "text/plain"],
    ["updates", "application/x-www-form-urlencoded"],
    ["recheck", "multipart/form-data; boundary=x"],
  ])("cannot post to %s as %s, which needs no preflight", async (path, type) => {
    const outcome = await attempt(
      foreign,
      `const answer = await fetch("${room()}/${path}", { method: "POST", mode: "no-cors",
        headers: { "content-type": "${type}" }, body: ${body} });
      return answer.type + " " + answer.status`,
    );
    // The page cannot read the response either: its resource policy turns it into an error.
    expect(outcome).toMatch(/^refused/);
    await expectUnchanged(open);
  });

  it("cannot submit a form", async () => {
    await onForeignPage(async (page) => {
      const answer = page.waitForResponse((response) => response.url() === `${room()}/updates`);
      await page.evaluate(`(() => {
        const form = document.createElement("form");
        Object.assign(form, { method: "POST", action: "${room()}/updates", enctype: "text/plain" });
        document.body.append(form);
        form.submit();
      })()`);
      expect((await answer).status()).toBe(403);
    });
    await expectUnchanged(open);
  });

  it("cannot frame the dashboard to steal clicks", async () => {
    await onForeignPage(async (page) => {
      const complaint = page.waitForEvent("console", (one) => /frame/i.test(one.text()));
      await page.evaluate(`document.body.append(Object.assign(document.createElement("iframe"),
        { src: "${open.url}/dashboard/" }))`);
      expect((await complaint).text()).toMatch(/frame-ancestors|X-Frame-Options/i);
    });
  });

  it("cannot use the API after rebinding its host name to this machine", async () => {
    const rebound = `http://rebound.example:${open.port}/health/live`;
    for (const path of ["/api/rooms", `/api/rooms/${ROOM}/document`, "/metrics"]) {
      expect(await attempt(rebound, `return (await fetch("${path}")).status`)).toBe(403);
    }
    const remove = `return (await fetch("/api/rooms/${ROOM}", { method: "DELETE" })).status`;
    expect(await attempt(rebound, remove)).toBe(403);
    await expectUnchanged(open);
  });
});

describe("a server with a list of allowed origins", () => {
  const connect = (): string => `return new Promise((resolve) => {
    const socket = new WebSocket("${guarded.wsUrl}/${ROOM}");
    socket.onmessage = () => { socket.close(); resolve("let in"); };
    socket.onclose = ({ code, reason }) => resolve(code + " " + reason);
  })`;
  const call = (path: string, init = ""): string =>
    `return (await fetch("${guarded.url}/api${path}",
      { headers: { authorization: "Bearer ${ADMIN}" }, ${init} })).status`;

  it("lets a listed page connect, use the API with the token, and follow events", async () => {
    expect(await attempt(listed, connect())).toBe("let in");
    expect(await attempt(listed, call("/rooms"))).toBe(200);
    expect(await attempt(listed, call("/rooms/none", 'method: "DELETE"'))).toBe(204);
    const event = `const answer = await fetch("${guarded.url}/api/events",
        { headers: { authorization: "Bearer ${ADMIN}" } });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("event: rooms")) text += (await reader.read()).value;
      await reader.cancel();
      return "followed"`;
    expect(await attempt(listed, event)).toBe("followed");
  });

  it("lets no other page connect or use the API, even with the token", async () => {
    expect(await attempt(foreign, connect())).toBe("4403 pages from this origin may not connect");
    expect(await attempt(foreign, call("/rooms"))).toMatch(/^refused/);
    expect(await attempt(foreign, call(`/rooms/${ROOM}`, 'method: "DELETE"'))).toMatch(/^refused/);
    await expectUnchanged(guarded);
  });
});
