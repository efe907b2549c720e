import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../support/server-process.ts";
import { newBrowser } from "./browsers.ts";
import { type DashboardPage, hashOf, openDashboard } from "./dashboard-page.ts";
import { LONG_NAME, RICH_ROOM, type Scene, startScene } from "./scene.ts";

const POLL = { timeout: 45_000 };
const SCREENSHOTS = fileURLToPath(new URL("../../../../docs/screenshots/", import.meta.url));
/** Below this score, Chromium considers a page stable. */
const MAX_LAYOUT_SHIFT = 0.1;

const VIEWS = [
  ["overview", "#/"],
  ["live-rooms", "#/live"],
  ["live-room", hashOf("live", RICH_ROOM)],
  ["rooms", "#/rooms"],
  ["room", hashOf("room", RICH_ROOM)],
  ["room-with-long-name", hashOf("room", LONG_NAME)],
  ["servers", "#/servers"],
  ["missing-room", hashOf("room", "no such room")],
  ["nowhere", "#/nowhere"],
] as const;
const SHOWN_IN_DOCUMENTATION = VIEWS.slice(0, 7).filter(([name]) => !name.includes("long"));

const WATCH_LAYOUT = `
  window.layoutShift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) window.layoutShift += entry.value;
    }
  }).observe({ type: "layout-shift", buffered: true });
`;

let scene: Scene;
let axe: string;

beforeAll(async () => {
  const path = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  [scene, axe] = await Promise.all([startScene(), readFile(path, "utf8")]);
}, 120_000);

async function open(
  hash: string,
  colorScheme: "light" | "dark",
  width = 1280,
): Promise<DashboardPage> {
  const context = await newBrowser({ colorScheme, viewport: { width, height: 800 } });
  await context.addInitScript(WATCH_LAYOUT);
  const dashboard = await openDashboard(context, scene.cluster.member(0).process.url, hash);
  await isComplete(dashboard);
  return dashboard;
}

/** Waits until a page has finished loading its content. */
async function isComplete({ page }: DashboardPage): Promise<void> {
  const pending = page.getByText(/^(Loading…|Connecting…|–)$/);
  await expect.poll(() => pending.count(), POLL).toBe(0);
}

/** The violations that axe finds on a page, with their locations. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

describe.each(["light", "dark"] as const)("in %s mode", (mode) => {
  test.each(VIEWS)("the page %s has no axe violations and a stable layout", async (_, hash) => {
    const dashboard = await open(hash, mode);
    expect(await violationsOf(dashboard.page)).toEqual([]);
    const shift = await dashboard.page.evaluate<number>("window.layoutShift");
    expect(shift).toBeLessThan(MAX_LAYOUT_SHIFT);
  });

  test("expanded content and dialogs have no axe violations", async () => {
    const overview = await open("#/", mode);
    await overview.page.getByText("Show as a table").click();
    expect(await violationsOf(overview.page)).toEqual([]);
    const room = await open(hashOf("room", RICH_ROOM), mode);
    await room.root("settings").getByText("versions").click();
    await room.page.getByRole("button", { name: "Delete…" }).click();
    await room.page.getByRole("button", { name: "Delete", exact: true }).click();
    await room.page.getByRole("alert").getByText("name does not match").waitFor();
    expect(await violationsOf(room.page)).toEqual([]);
  });

  test("the sign-in page and the page of an unreachable server have no axe violations", async () => {
    const server = await startServer({ env: { ADMIN_TOKEN: "a token of this server" } });
    const context = await newBrowser({ colorScheme: mode });
    const dashboard = await openDashboard(context, server.url);
    await dashboard.page.getByLabel("Admin token").fill("another one");
    await dashboard.page.keyboard.press("Enter");
    await dashboard.page.getByRole("alert").getByText("Wrong admin token").waitFor();
    expect(await violationsOf(dashboard.page)).toEqual([]);
    await dashboard.page.getByLabel("Admin token").fill("a token of this server");
    await dashboard.page.keyboard.press("Enter");
    await dashboard.isLive();
    await server.kill();
    await dashboard.page.getByRole("alert").getByText("cannot be reached").waitFor();
    await dashboard.stream.getByText("Reconnecting…").waitFor();
    expect(await violationsOf(dashboard.page)).toEqual([]);
  });
});

test.each(VIEWS)("the page %s fits the width of a phone", async (_, hash) => {
  const { page } = await open(hash, "light", 320);
  const width = await page.evaluate<number>("document.documentElement.scrollWidth");
  expect(width).toBeLessThanOrEqual(320);
  expect(await violationsOf(page)).toEqual([]);
});

describe("keyboard navigation", () => {
  test("skips to the content, and moves the focus to a new view", async () => {
    const { page, heading } = await open("#/", "light");
    await page.keyboard.press("Tab");
    await expect.poll(() => page.locator(":focus").innerText(), POLL).toBe("Skip to content");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator(":focus").getAttribute("id"), POLL).toBe("main");
    await page.getByRole("link", { name: "Rooms", exact: true }).focus();
    await page.keyboard.press("Enter");
    await heading.getByText("Rooms").waitFor();
    await expect.poll(() => page.locator(":focus").innerText(), POLL).toBe("Rooms");
    expect(await page.title()).toBe("Rooms · Symphony");
  });

  test("expands and collapses nested content", async () => {
    const room = await open(hashOf("room", RICH_ROOM), "light");
    const settings = room.root("settings");
    await settings.locator("summary").filter({ hasText: "versions" }).focus();
    await room.page.keyboard.press("Enter");
    await settings.getByRole("button", { name: "50 hidden" }).press("Enter");
    await settings.getByText("149", { exact: true }).first().waitFor();
    await settings.locator("summary").filter({ hasText: "versions" }).press("Enter");
    await settings.getByText("149", { exact: true }).first().waitFor({ state: "detached" });
  });

  test("returns the focus when a dialog closes", async () => {
    const { page } = await open(hashOf("room", RICH_ROOM), "light");
    await page.getByRole("button", { name: "Delete…" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    expect(await page.getByRole("dialog").locator(":focus").count()).toBe(1);
    await page.keyboard.press("Escape");
    expect(await page.locator(":focus").innerText()).toBe("Delete…");
  });
});

/** Makes each client write something, one after another. */
async function editWhileWatched(dashboard: DashboardPage): Promise<void> {
  const updates = dashboard.panel("Latest updates").locator("tbody tr");
  for (const person of scene.people) {
    const before = await updates.count();
    person.doc.getMap("settings").set("lastChangeBy", person.clientId);
    await expect.poll(() => updates.count(), POLL).toBeGreaterThan(before);
  }
}

// Only on request: screenshots differ slightly each time.
if (process.env.UPDATE_SCREENSHOTS === "1") {
  test.each(SHOWN_IN_DOCUMENTATION)("takes screenshots of the page %s", async (name, hash) => {
    await mkdir(SCREENSHOTS, { recursive: true });
    for (const mode of ["light", "dark"] as const) {
      const dashboard = await open(hash, mode);
      if (name === "live-room") await editWhileWatched(dashboard);
      await dashboard.page.screenshot({ path: `${SCREENSHOTS}${name}-${mode}.png` });
    }
    const { page } = await open(hash, "light", 360);
    await page.screenshot({ path: `${SCREENSHOTS}${name}-phone.png` });
  });
}
