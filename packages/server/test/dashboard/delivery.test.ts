import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { newBrowser } from "./browsers.ts";
import { hashOf, openDashboard } from "./dashboard-page.ts";
import { join } from "./people.ts";
import { PrefixProxy } from "./prefix-proxy.ts";

const MAX_SCRIPT_BYTES = 150_000;
const VIEWS = [
  "#/",
  "#/live",
  "#/rooms",
  "#/servers",
  hashOf("room", "a/b"),
  hashOf("live", "a/b"),
];

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

test("has a strict content security policy, and requests nothing from other hosts", async () => {
  const ada = await join(server.wsUrl, "a/b", { presence: { user: { name: "Ada" } } });
  ada.text.insert(0, "text");
  const context = await newBrowser();
  const response = await (await context.newPage()).goto(`${server.url}/dashboard/`);
  const policy = response?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toMatch(/unsafe|script-src|style-src/);
  for (const view of VIEWS) {
    const dashboard = await openDashboard(context, server.url, view);
    await dashboard.page.getByText("Loading…").first().waitFor({ state: "detached" });
    const origins = new Set(dashboard.requests.map((url) => new URL(url).origin));
    expect([...origins]).toEqual([server.url]);
    // A violation of the content security policy appears as a console error.
    expect(dashboard.complaints).toEqual([]);
    await dashboard.page.close();
  }
});

test("works under a proxy's path prefix, with and without a trailing slash", async () => {
  const proxy = await PrefixProxy.start(server.port, "/tools/symphony");
  try {
    const ada = await join(server.wsUrl, "under a prefix");
    const dashboard = await openDashboard(await newBrowser(), proxy.url, "#/live");
    await dashboard.page.goto(`${proxy.url}/dashboard#/live`);
    expect(dashboard.page.url()).toBe(`${proxy.url}/dashboard/#/live`);
    await dashboard.row("under a prefix").getByRole("link").click();
    await dashboard.isLive();
    ada.text.insert(0, "seen through the proxy");
    await dashboard.root("text").getByText("seen through the proxy").waitFor();
    expect(dashboard.requests.every((url) => url.startsWith(proxy.url))).toBe(true);
    expect(dashboard.complaints).toEqual([]);
  } finally {
    await proxy.close();
  }
});

test("keeps its scripts small", async () => {
  const page = await (await fetch(`${server.url}/dashboard/`)).text();
  const scripts = [...page.matchAll(/(?:src|href)="(\.\/[^"]+\.js)"/g)].map(
    ([, path]) => path ?? "",
  );
  expect(scripts).not.toEqual([]);
  let bytes = 0;
  for (const path of scripts) {
    const script = await fetch(new URL(path, `${server.url}/dashboard/`));
    bytes += gzipSync(await script.text()).length;
  }
  expect(bytes).toBeLessThan(MAX_SCRIPT_BYTES);
});
