import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { inSeconds, SECRET, tokenWith } from "../attacks/tokens.ts";
import { startBrowser } from "../support/browser.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { EditorPage, openEditor } from "./editor-page.ts";
import { RichTextPage, serveRichTextEditor } from "./rich-text-page.ts";

// Two editors in a browser, with tokens, and with users on different servers.

const POLL = { timeout: 45_000 };
/** A page that reconnects would have done so many times in this time. */
const LONG_MS = 60_000;

let browser: Browser;
let cluster: TestCluster;
/** The URL of the rich text editor, on another origin than the server. */
let richText: string;
let contexts: BrowserContext[] = [];

beforeAll(async () => {
  richText = await serveRichTextEditor();
  const env = { AUTH_JWT_SECRET: SECRET, ALLOWED_ORIGINS: "http://localhost:*,http://127.0.0.1:*" };
  [browser, cluster] = await Promise.all([startBrowser(), TestCluster.start(2, { env })]);
}, 120_000);

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
});

afterAll(() => browser?.close());

async function person(): Promise<BrowserContext> {
  const context = await browser.newContext();
  contexts.push(context);
  return context;
}

function server(index: number) {
  return cluster.member(index).process;
}

/** Refused tokens, and the reasons that a page shows. */
const REFUSALS: readonly (readonly [string, () => string, RegExp])[] = [
  ["has expired", () => tokenWith({ exp: inSeconds(-60) }), /the token has expired/],
  [
    "is for another room",
    () => tokenWith({ rooms: ["another"] }),
    /the token is not for this room/,
  ],
  ["is forged", () => `${tokenWith()}x`, /the token is not signed with an accepted key/],
  // A slow page may connect too late to be admitted at all.
  ["expires", () => tokenWith({ exp: inSeconds(0) }), /the (access|token) has expired/],
];

describe("CodeMirror", () => {
  const url = (index: number, room: string, token: string) =>
    `${server(index).url}/#${room}&token=${token}`;

  test("two people with tokens edit, and see each other's cursors", async () => {
    const [ada, ben] = await Promise.all([
      openEditor(await person(), url(0, "text", tokenWith({ rooms: ["text"] }))),
      openEditor(await person(), url(1, "text", tokenWith({ rooms: ["text"] }))),
    ]);
    await ada.rename("Ada");
    await ben.rename("Ben");
    await ada.write("from Ada");
    await expect.poll(() => ben.text(), POLL).toBe("from Ada");
    await ben.write(", from Ben");
    await expect.poll(() => ada.text(), POLL).toBe("from Ada, from Ben");
    await expect.poll(() => ben.cursorNames.allTextContents(), POLL).toEqual(["Ada"]);
    await expect.poll(() => ada.cursorNames.allTextContents(), POLL).toEqual(["Ben"]);

    // The token is neither in a requested URL, nor in the page's URL; a reload keeps it.
    expect(ada.requests.join("\n")).not.toContain("token");
    expect(ada.page.url()).not.toContain("token");
    await ada.page.reload();
    await ada.synced();
    const opened = ada.page.context().waitForEvent("page");
    await ada.page.getByRole("link", { name: "second tab" }).click();
    await new EditorPage(await opened).synced();
  });

  test("a read-only user sees the text, but cannot change it", async () => {
    const token = tokenWith({ access: "read-only" });
    const [ada, reader] = await Promise.all([
      openEditor(await person(), url(0, "shown", tokenWith())),
      openEditor(await person(), url(1, "shown", token)),
    ]);
    await ada.write("to be read");
    await expect.poll(() => reader.text(), POLL).toBe("to be read");
    await reader.write("vandalism");
    await ada.write(".");
    await expect.poll(() => reader.text(), POLL).toBe("to be read.");
    expect(await ada.text()).toBe("to be read.");
  });

  test.each(REFUSALS)(
    "shows the reason when a token %s, and does not reconnect",
    async (_, token, reason) => {
      const context = await person();
      const editor = new EditorPage(await context.newPage());
      await editor.page.clock.install();
      await editor.page.goto(url(0, "refused", token()));
      await expect.poll(() => editor.connection.textContent(), POLL).toMatch(reason);
      await editor.page.clock.fastForward(LONG_MS);
      expect(editor.requests.filter((request) => request.startsWith("ws:"))).toHaveLength(1);
    },
  );
});

describe("TipTap", () => {
  const url = (index: number, room: string, token: string, name = "Somebody") =>
    `${richText}#${new URLSearchParams({ server: server(index).wsUrl, room, token, name })}`;

  test("two people with tokens edit, and see each other's cursors", async () => {
    const token = tokenWith({ rooms: ["rich"] });
    const [ada, ben] = await Promise.all([
      RichTextPage.open(await person(), url(0, "rich", token, "Ada")),
      RichTextPage.open(await person(), url(1, "rich", token, "Ben")),
    ]);
    await Promise.all([ada.connected(), ben.connected()]);
    await ada.write("# Title");
    await ada.page.keyboard.press("Enter");
    await ada.page.keyboard.type("from Ada");
    await expect.poll(() => ben.html(), POLL).toBe("<h1>Title</h1><p>from Ada</p>");
    await ben.write(", from ");
    await ben.page.keyboard.press("Control+b");
    await ben.page.keyboard.type("Ben");
    const html = "<h1>Title</h1><p>from Ada, from <strong>Ben</strong></p>";
    await expect.poll(() => ada.html(), POLL).toBe(html);
    await expect.poll(() => ben.cursorNames.allTextContents(), POLL).toEqual(["Ada"]);
    await expect.poll(() => ada.cursorNames.allTextContents(), POLL).toEqual(["Ben"]);
    expect([...ada.sockets, ...ben.sockets].join("\n")).not.toContain("token");
  });

  test("a read-only user sees the text, but cannot change it", async () => {
    const token = tokenWith({ access: "read-only" });
    const [ada, reader] = await Promise.all([
      RichTextPage.open(await person(), url(0, "rich shown", tokenWith())),
      RichTextPage.open(await person(), url(1, "rich shown", token)),
    ]);
    await Promise.all([ada.connected(), reader.connected()]);
    await ada.write("to be read");
    await expect.poll(() => reader.html(), POLL).toBe("<p>to be read</p>");
    await reader.write("vandalism");
    await ada.write(".");
    await expect.poll(() => reader.html(), POLL).toBe("<p>to be read.</p>");
    expect(await ada.html()).toBe("<p>to be read.</p>");
  });

  test.each(REFUSALS)(
    "shows the reason when a token %s, and does not reconnect",
    async (_, token, reason) => {
      const editor = await RichTextPage.open(await person(), url(0, "rich refused", token()));
      await expect.poll(() => editor.connection.textContent(), POLL).toMatch(reason);
      await editor.page.clock.fastForward(LONG_MS);
      expect(editor.sockets).toHaveLength(1);
    },
  );
});
