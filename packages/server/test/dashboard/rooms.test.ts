import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { newBrowser } from "./browsers.ts";
import { type DashboardPage, hashOf, openDashboard } from "./dashboard-page.ts";
import { join, leave } from "./people.ts";

const POLL = { timeout: 45_000 };
const PAGE_SIZE = 50;
const MANY = 120;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ env: { UNLOAD_DELAY_MS: "100", SNAPSHOT_INTERVAL_MS: "500" } });
  for (let i = 1; i <= MANY; i++) await store(`many-${String(i).padStart(3, "0")}`, "x".repeat(i));
});

/** Writes a text to a room through the API, without connecting a client. */
async function store(room: string, text: string): Promise<void> {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  const url = `${server.url}/api/rooms/-/updates?room=${encodeURIComponent(room)}`;
  const headers = { "content-type": "application/octet-stream" };
  const body = Y.encodeStateAsUpdate(doc);
  const response = await fetch(url, { method: "POST", headers, body });
  expect(response.status).toBe(204);
}

async function dashboardAt(hash: string): Promise<DashboardPage> {
  return openDashboard(await newBrowser({ acceptDownloads: true }), server.url, hash);
}

/** The room names in the list, in order. */
function namesIn({ rows }: DashboardPage): Promise<string[]> {
  return rows.getByRole("rowheader").allInnerTexts();
}

describe("the list of rooms", () => {
  test("is sorted by the clicked column, and in reverse on the second click", async () => {
    const dashboard = await dashboardAt("#/rooms?search=many");
    await dashboard.page.getByRole("link", { name: "Room", exact: true }).click();
    await expect.poll(async () => (await namesIn(dashboard))[0], POLL).toBe("many-001");
    await dashboard.page.getByRole("link", { name: "Room", exact: true }).click();
    await expect.poll(async () => (await namesIn(dashboard))[0], POLL).toBe("many-120");
    const heading = dashboard.page.getByRole("columnheader", { name: "Room" });
    expect(await heading.getAttribute("aria-sort")).toBe("descending");
    await dashboard.page.goBack();
    await expect.poll(async () => (await namesIn(dashboard))[0], POLL).toBe("many-001");
  });

  test("has pages, each with its own URL", async () => {
    const dashboard = await dashboardAt("#/rooms?search=many&sort=name&order=asc");
    const seen = new Set<string>();
    const pages = dashboard.page.getByRole("navigation", { name: "Pages" });
    for (const range of ["1–50 of 120", "51–100 of 120", "101–120 of 120"]) {
      await pages.getByText(range).waitFor();
      await expect
        .poll(async () => (await namesIn(dashboard)).every((name) => !seen.has(name)), POLL)
        .toBe(true);
      for (const name of await namesIn(dashboard)) seen.add(name);
      if (seen.size < MANY) await pages.getByRole("link", { name: "Next page" }).click();
    }
    expect(seen.size).toBe(MANY);
    expect(await pages.getByRole("link", { name: "Next page" }).count()).toBe(0);
    await dashboard.page.reload();
    await pages.getByText("101–120 of 120").waitFor();
    await pages.getByRole("link", { name: "First page" }).click();
    await pages.getByText("1–50 of 120").waitFor();
    expect(await dashboard.rows.count()).toBe(PAGE_SIZE);
  });

  test("is searched as the user types, without losing a letter", async () => {
    const dashboard = await dashboardAt("#/rooms");
    const field = dashboard.page.getByRole("searchbox");
    await field.pressSequentially("MANY-11", { delay: 60 });
    await expect.poll(() => dashboard.rows.count(), POLL).toBe(10);
    expect(await field.inputValue()).toBe("MANY-11");
    await dashboard.page.getByRole("status").getByText("10 rooms").waitFor();
    await field.fill("no room is called this");
    await dashboard.page.getByText("No room matches “no room is called this”").waitFor();
  });

  test("shows connections, stored size and servers of a room", async () => {
    const ada = await join(server.wsUrl, "alive");
    ada.text.insert(0, "y".repeat(2_000));
    const dashboard = await dashboardAt("#/rooms?search=alive");
    const cells = dashboard.row("alive").getByRole("cell");
    await expect
      .poll(() => cells.nth(1).innerText(), { timeout: 60_000 })
      .toMatch(/^2(\.\d+)? KB$/);
    expect(await cells.nth(0).innerText()).toBe("1");
    expect(await cells.nth(4).innerText()).toContain(`:${server.port}`);
    leave(ada);
    await expect.poll(() => cells.nth(0).innerText(), { timeout: 60_000 }).toBe("0");
    await expect.poll(() => cells.nth(4).innerText(), { timeout: 60_000 }).toBe("none");
  });

  test("explains how rooms are created when there are none", async () => {
    const fresh = await startServer();
    const dashboard = await openDashboard(await newBrowser(), fresh.url, "#/rooms");
    await dashboard.page.getByText("A room is created when a client connects").waitFor();
    await dashboard.go("Live");
    await dashboard.page.getByText("No room has any connections").waitFor();
    await fresh.kill();
  });

  test("reports that it could not be loaded, and loads again on request", async () => {
    const dashboard = await dashboardAt("#/servers");
    await dashboard.page.route("**/api/rooms?**", (route) => route.abort());
    await dashboard.go("Rooms");
    await dashboard.page.getByRole("alert").getByText("cannot be reached").waitFor();
    await dashboard.page.unroute("**/api/rooms?**");
    await dashboard.page.getByRole("button", { name: "Try again" }).click();
    await expect.poll(() => dashboard.rows.count(), POLL).toBe(PAGE_SIZE);
  });
});

describe("one room", () => {
  test("is shown as stored, without being loaded into a server's memory", async () => {
    await store("stored", "kept text");
    const dashboard = await dashboardAt(hashOf("room", "stored"));
    await dashboard.root("text").getByText("kept text").waitFor();
    await dashboard.fact("In memory on").getByText("none").waitFor();
    await store("stored", "more ");
    await dashboard.page.getByRole("button", { name: "Reload" }).click();
    await dashboard.root("text").getByText(/more /).waitFor();
    await dashboard.fact("In memory on").getByText("none").waitFor();
  });

  test("shows the beginning of a long text, and the rest on request", async () => {
    await store("long", "z".repeat(10_000));
    const dashboard = await dashboardAt(hashOf("room", "long"));
    const text = dashboard.root("text").getByRole("paragraph");
    await expect.poll(async () => (await text.innerText()).length, POLL).toBe(4_000);
    await dashboard
      .root("text")
      .getByRole("button", { name: /6,000 characters hidden/ })
      .click();
    await expect.poll(async () => (await text.innerText()).length, POLL).toBe(10_000);
  });

  test("can be downloaded as a Yjs update", async () => {
    await store("down/load", "to be kept");
    const dashboard = await dashboardAt(hashOf("room", "down/load"));
    const [download] = await Promise.all([
      dashboard.page.waitForEvent("download"),
      dashboard.page.getByRole("link", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("down_load.yjs");
    const doc = new Y.Doc();
    Y.applyUpdate(doc, await readFile(await download.path()));
    expect(doc.getText("text").toString()).toBe("to be kept");
  });

  test("is only deleted once its name has been typed", async () => {
    await store("precious", "text");
    const ada = await join(server.wsUrl, "precious");
    const dashboard = await dashboardAt(hashOf("room", "precious"));
    const { page } = dashboard;
    await page.getByRole("button", { name: "Delete…" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete this room?" });
    await dialog.getByRole("textbox").fill("precius");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("alert").getByText("The name does not match.").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect(ada.isConnected).toBe(true);

    leave(ada);
    await page.getByRole("button", { name: "Delete…" }).click();
    expect(await dialog.getByRole("textbox").inputValue()).toBe("");
    await dialog.getByRole("textbox").fill("precious");
    await page.keyboard.press("Enter");
    await dashboard.heading.getByText("Rooms", { exact: true }).waitFor();
    const { status } = await fetch(`${server.url}/api/rooms/precious`);
    expect(status).toBe(404);
  });

  test("is reported as missing if it does not exist", async () => {
    const dashboard = await dashboardAt(hashOf("room", "never opened"));
    await dashboard.page.getByRole("alert").getByText("never opened").waitFor();
    await expect.poll(() => dashboard.page.getByRole("alert").count(), POLL).toBe(1);
    await dashboard.open("#/room/%E0%A4%A");
    await dashboard.heading.getByText("Page not found").waitFor();
  });

  test("is shown as ended when it is deleted while being watched", async () => {
    await store("doomed", "text");
    const dashboard = await dashboardAt(hashOf("live", "doomed"));
    await dashboard.root("text").getByText("text", { exact: true }).last().waitFor();
    await fetch(`${server.url}/api/rooms/doomed`, { method: "DELETE" });
    await dashboard.stream.getByText("Ended").waitFor();
  });
});
