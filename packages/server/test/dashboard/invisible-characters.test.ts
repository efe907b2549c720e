import { beforeAll, expect, test } from "vitest";
import * as Y from "yjs";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { newBrowser } from "./browsers.ts";
import { hashOf, openDashboard } from "./dashboard-page.ts";
import { join, leave } from "./people.ts";

const ROOM = "invoice\u202Efdp.exe\u200B";
const SHOWN = "invoice\\u{202e}fdp.exe\\u{200b}";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
  const doc = new Y.Doc();
  doc.getText("te\u2066xt").insert(0, "first \u202Eline\nsecond\u0007 line");
  doc.getMap("map").set("ke\u200By", "va\u061Clue");
  const text = doc.getText("formatted");
  text.insert(0, "bo\u2067ld");
  text.format(0, 2, { "li\u2068nk": "hr\u2069ef" });
  const response = await fetch(
    `${server.url}/api/rooms/-/updates?room=${encodeURIComponent(ROOM)}`,
    {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: Y.encodeStateAsUpdate(doc),
    },
  );
  expect(response.status).toBe(204);
});

test("escapes invisible characters in room names and documents, but not in links", async () => {
  const dashboard = await openDashboard(await newBrowser(), server.url, "#/rooms");
  const { page } = dashboard;
  const link = page.getByRole("link", { name: SHOWN, exact: true });
  await link.waitFor();
  expect(decodeURIComponent((await link.getAttribute("href")) ?? "")).toContain(ROOM);
  await link.click();
  await dashboard.heading.getByText(SHOWN, { exact: true }).waitFor();
  await expect.poll(() => page.title()).toBe(`${SHOWN} · Symphony`);
  for (const shown of [
    "te\\u{2066}xt",
    "first \\u{202e}line\nsecond\\u{7} line",
    "ke\\u{200b}y",
    '"va\\u{61c}lue"',
    "\\u{2067}ld",
    '"li\\u{2068}nk":"hr\\u{2069}ef"',
  ]) {
    await expect.poll(() => page.locator("main, body").last().innerText()).toContain(shown);
  }
  await page.getByRole("button", { name: "Delete…" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete this room?" });
  expect(await dialog.locator("strong").innerText()).toBe(SHOWN);
  await page.keyboard.press("Escape");
});

test("escapes invisible characters in awareness states", async () => {
  const presence = { user: { name: "A\u202Eda" }, note: "no\u200Bte" };
  const ada = await join(server.wsUrl, ROOM, { presence });
  const dashboard = await openDashboard(await newBrowser(), server.url, hashOf("live", ROOM));
  await dashboard.page.getByText("A\\u{202e}da", { exact: true }).first().click();
  await dashboard.page.getByText('"no\\u{200b}te"', { exact: true }).waitFor();
  leave(ada);
});
