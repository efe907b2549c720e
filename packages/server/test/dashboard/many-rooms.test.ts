import { afterAll, beforeAll, expect, test } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { newBrowser } from "./browsers.ts";
import { openDashboard } from "./dashboard-page.ts";
import { join } from "./people.ts";

const ROOMS = 10_000;
const AT_ONCE = 100;
const SHOWN = 200;
const POLL = { timeout: 45_000 };
/** How long a page may block before users notice. */
const MAX_BUSY_MS = 1_000;

// Measures the longest time that the page was blocked, by how late a timer fires.
const WATCH_BUSY = `
  window.longestBusy = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    window.longestBusy = Math.max(window.longestBusy, now - last - 10);
    last = now;
  }, 10);
`;

let server: ServerProcess;
const clients: RawClient[] = [];

beforeAll(async () => {
  server = await startServer();
  for (let start = 0; start < ROOMS; start += AT_ONCE) {
    const rooms = Array.from({ length: AT_ONCE }, (_, i) => `room-${start + i}`);
    clients.push(
      ...(await Promise.all(rooms.map((room) => RawClient.connect(server.wsUrl, room)))),
    );
  }
}, 120_000);

afterAll(() => {
  for (const client of clients) client.terminate();
});

test("counts, finds and updates 10,000 live rooms, and stays responsive", async () => {
  const dashboard = await openDashboard(await newBrowser(), server.url, "#/live");
  await dashboard.page.getByText("10,000 rooms, 10,000 connections").waitFor();
  expect(await dashboard.rows.count()).toBe(SHOWN);
  await dashboard.page.getByText("9,800 more with fewer connections are not shown").waitFor();
  await dashboard.page.evaluate(WATCH_BUSY);

  const field = dashboard.page.getByRole("searchbox");
  await field.pressSequentially("room-9876", { delay: 50 });
  await expect.poll(() => dashboard.rows.count(), POLL).toBe(1);
  await dashboard.row("room-9876").waitFor();
  await field.fill("");
  await expect.poll(() => dashboard.rows.count(), POLL).toBe(SHOWN);

  // Now that it has one more connection than any other room, it moves to the top.
  await join(server.wsUrl, "room-5000");
  await expect.poll(() => dashboard.rows.first().innerText(), POLL).toMatch(/^room-5000\s+2/);
  await dashboard.page.getByText("10,000 rooms, 10,001 connections").waitFor();
  expect(await dashboard.page.evaluate<number>("window.longestBusy")).toBeLessThan(MAX_BUSY_MS);
});

test("pages, sorts and searches 10,000 rooms on the server", async () => {
  const dashboard = await openDashboard(
    await newBrowser(),
    server.url,
    "#/rooms?sort=name&order=asc",
  );
  await dashboard.page.getByText("1–50 of 10,000").waitFor();
  await dashboard.page.getByRole("link", { name: "Next page" }).click();
  await dashboard.page.getByText("51–100 of 10,000").waitFor();
  await dashboard.page.getByRole("searchbox").fill("room-123");
  await dashboard.page.getByRole("status").getByText("11 rooms").waitFor();
});
