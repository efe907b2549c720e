import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { type ServerProcess, startServer, temporaryDirectory } from "../support/server-process.ts";
import { EditorPage, openEditor } from "./editor-page.ts";

const POLL = { timeout: 45_000 };
// The browser logs this to the console when a server is unreachable.
const CONNECTION_FAILED = /^WebSocket connection to .* failed/;

let browser: Browser;
let server: ServerProcess;
let contexts: BrowserContext[] = [];
let roomCount = 0;

beforeAll(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer()]);
});

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
});

afterAll(async () => {
  await browser?.close();
});

/** Another person: a browser context that shares nothing with the others. */
async function person(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return context;
}

function newRoom(on: ServerProcess = server): string {
  roomCount += 1;
  return `${on.url}/#room-${roomCount}`;
}

/** Opens two people's editors in one room, a new one by default. */
async function twoPeople(url = newRoom()): Promise<[EditorPage, EditorPage]> {
  return Promise.all([openEditor(await person(), url), openEditor(await person(), url)]);
}

async function expectText(pages: readonly EditorPage[], text: string): Promise<void> {
  for (const page of pages) await expect.poll(() => page.text(), POLL).toBe(text);
}

describe("two people in one room", () => {
  test("see each other's text as it is typed", async () => {
    const [ada, ben] = await twoPeople();
    await ada.write("one from Ada");
    await expectText([ada, ben], "one from Ada");
    await ben.write("\ntwo from Ben");
    await expectText([ada, ben], "one from Ada\ntwo from Ben");
    expect([...ada.complaints, ...ben.complaints]).toEqual([]);
  });

  test("keep every character when both type simultaneously", async () => {
    const [ada, ben] = await twoPeople();
    await Promise.all([ada.write("a".repeat(60)), ben.write("b".repeat(60))]);
    const sorted = (text: string) => [...text].sort().join("");
    await expect
      .poll(async () => sorted(await ada.text()), POLL)
      .toBe("a".repeat(60) + "b".repeat(60));
    await expectText([ben], await ada.text());
  });

  test("see each other's cursor with the current name", async () => {
    const [ada, ben] = await twoPeople();
    await ada.rename("Ada");
    await ada.write("text");
    await expect.poll(() => ben.cursorNames.allTextContents(), POLL).toEqual(["Ada"]);
    await ada.rename("Countess");
    await expect.poll(() => ben.cursorNames.allTextContents(), POLL).toEqual(["Countess"]);
    expect(await ada.cursorNames.allTextContents()).not.toContain("Countess");
  });

  test("are listed by name until they leave", async () => {
    const [ada, ben] = await twoPeople();
    await ada.rename("Ada");
    await ben.rename("Ben");
    await expect.poll(() => ada.others(), POLL).toEqual(["Ben"]);
    await expect.poll(() => ben.others(), POLL).toEqual(["Ada"]);
    await ben.write("cursor");
    await expect.poll(() => ada.cursorNames.count(), POLL).toBe(1);

    await ben.page.context().close();
    await expect.poll(() => ada.others(), POLL).toEqual([]);
    await expect.poll(() => ada.cursorNames.count(), POLL).toBe(0);
  });

  test("can keep typing their name while another name changes", async () => {
    const [ada, ben] = await twoPeople();
    await ben.myName.fill("Be");
    await ada.rename("Ada");
    await expect.poll(() => ben.others(), POLL).toEqual(["Ada"]);
    await ben.page.keyboard.type("n");
    await ben.page.keyboard.press("Enter");
    await expect.poll(() => ada.others(), POLL).toEqual(["Ben"]);
  });

  test("have different colours", async () => {
    const [ada, ben] = await twoPeople();
    await expect.poll(() => ben.others(), POLL).toHaveLength(1);
    const colours = () =>
      ben.page.evaluate<string[]>(
        '[...document.querySelectorAll(".badge")].map((badge) => badge.style.backgroundColor)',
      );
    await expect.poll(async () => new Set(await colours()).size, POLL).toBe(2);
    expect(ada.complaints).toEqual([]);
  });

  test("undo only what they wrote themselves", async () => {
    const [ada, ben] = await twoPeople();
    // In one step: slowly typed text takes several steps to undo.
    await ada.insert("mine ");
    await expectText([ben], "mine ");
    await ben.insert("yours");
    await expectText([ada], "mine yours");

    await ada.page.keyboard.press("Control+z");
    await expectText([ada, ben], "yours");
    // Ada has nothing left to undo.
    await ada.page.keyboard.press("Control+z");
    await ada.page.getByRole("button", { name: "Redo" }).click();
    await expectText([ada, ben], "mine yours");
    await ben.page.getByRole("button", { name: "Undo" }).click();
    await expectText([ada, ben], "mine ");
  });
});

describe("a person who joins later", () => {
  test("sees the text", async () => {
    const [ada, ben] = await twoPeople();
    await ada.insert("# Title\n\nwritten before");
    await expectText([ben], "# Title\n\nwritten before");
    const late = await openEditor(await person(), ada.page.url());
    await expectText([late], "# Title\n\nwritten before");
  });

  test("sees the text even after everybody else has left", async () => {
    const [ada, ben] = await twoPeople();
    const url = ada.page.url();
    await ada.write("left behind");
    await expectText([ben], "left behind");
    await Promise.all([ada.page.context().close(), ben.page.context().close()]);
    const late = await openEditor(await person(), url);
    await expectText([late], "left behind");
  });
});

describe("an editor that reconnects", () => {
  test("loses no edit, and sends the edits made offline to the server", async () => {
    const dataDir = await temporaryDirectory();
    const first = await startServer({ dataDir });
    const [ada, ben] = await twoPeople(newRoom(first));
    await ada.write("before");
    await expectText([ben], "before");

    await first.kill();
    await Promise.all([ada.offline(), ben.offline()]);
    await expect.poll(() => ada.others(), POLL).toEqual([]);
    await ada.write(" Ada");
    await ben.write(" Ben");
    await expectText([ada], "before Ada");
    await expectText([ben], "before Ben");

    const second = await startServer({ dataDir, port: first.port });
    await Promise.all([ada.synced(), ben.synced()]);
    await expect.poll(() => ada.text(), POLL).toMatch(/^before( Ada Ben| Ben Ada)$/);
    await expectText([ben], await ada.text());
    await expect.poll(() => ada.others(), POLL).toHaveLength(1);
    const late = await openEditor(await person(), ada.page.url());
    await expectText([late], await ada.text());

    const complaints = [...ada.complaints, ...ben.complaints];
    expect(complaints.filter((text) => !CONNECTION_FAILED.test(text))).toEqual([]);
    await second.kill();
  });
});

describe("the URL", () => {
  test("names a new room immediately, and is copied by the button", async () => {
    const context = await person({ permissions: ["clipboard-read", "clipboard-write"] });
    const ada = await openEditor(context, `${server.url}/`);
    expect(ada.page.url()).toMatch(/\/#[a-z]+-[a-z]+-[a-z0-9]{4}$/);
    await ada.page.getByRole("button", { name: "Copy link" }).click();
    await ada.page.getByRole("button", { name: "Link copied" }).waitFor();
    expect(await ada.page.evaluate("navigator.clipboard.readText()")).toBe(ada.page.url());
    const other = await openEditor(await person(), `${server.url}/`);
    expect(other.page.url()).not.toBe(ada.page.url());
  });

  test("can name a room in any script, with any punctuation", async () => {
    const room = "Café 100% / №1? #ok";
    const [ada, ben] = await twoPeople(`${server.url}/#${encodeURIComponent(room)}`);
    await ada.page.getByText(room, { exact: true }).waitFor();
    await ada.write("here");
    await expectText([ben], "here");
    expect(ada.complaints).toEqual([]);
  });

  test("opens another room when it is changed by hand", async () => {
    const ada = await openEditor(await person(), newRoom());
    await ada.write("in the first room");
    const next = newRoom();
    await ada.page.goto(next);
    await ada.page.getByText(next.slice(next.indexOf("#") + 1), { exact: true }).waitFor();
    await ada.synced();
    expect(await ada.text()).toBe("");
  });
});

describe("one browser", () => {
  test("joins the same room in a second tab through the link on the page", async () => {
    const context = await person();
    const first = await openEditor(context, newRoom());
    await first.write("from the first tab");
    const opened = context.waitForEvent("page");
    await first.page.getByRole("link", { name: "second tab" }).click();
    const second = new EditorPage(await opened);
    await second.synced();
    await expectText([second], "from the first tab");
    await second.write(", and the second");
    await expectText([first, second], "from the first tab, and the second");
    expect(await first.others()).toHaveLength(1);

    await second.page.close();
    await expect.poll(() => first.others(), POLL).toEqual([]);
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  test("remembers a chosen name", async () => {
    const context = await person();
    const first = await openEditor(context, newRoom());
    await first.rename("  Ada   Lovelace ");
    expect(await first.myName.inputValue()).toBe("Ada Lovelace");
    const later = await openEditor(context, newRoom());
    expect(await later.myName.inputValue()).toBe("Ada Lovelace");
  });

  test("keeps the name when an empty one is entered", async () => {
    const ada = await openEditor(await person(), newRoom());
    await ada.rename("Ada");
    await ada.rename("   ");
    expect(await ada.myName.inputValue()).toBe("Ada");
  });
});

describe("the page", () => {
  test("has a policy against inline scripts, and requests nothing from other hosts", async () => {
    const response = await (await (await person()).newPage()).goto(`${server.url}/`);
    const policy = response?.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toMatch(/script-src|unsafe-eval/);

    const [ada, ben] = await twoPeople();
    await ben.insert("## A [link](https://example.com/) and ![](https://example.com/picture.png)");
    await expectText([ada], await ben.text());
    await expect.poll(() => ada.cursorNames.count(), POLL).toBe(1);
    const hosts = new Set(ada.requests.map((request) => new URL(request).host));
    expect(hosts).toEqual(new Set([new URL(server.url).host]));
    expect(ada.requests.filter((request) => request.startsWith("ws:"))).toHaveLength(1);
    // A violation of the policy is an error on the console.
    expect(ada.complaints).toEqual([]);
  });

  test("does not scroll sideways on a phone, whatever the text and names", async () => {
    const context = await person({
      viewport: { width: 320, height: 640 },
      isMobile: true,
      hasTouch: true,
    });
    const [phone, desktop] = [
      await openEditor(context, newRoom()),
      await openEditor(await person(), `${server.url}/#room-${roomCount}`),
    ];
    await desktop.rename("W".repeat(40));
    await phone.rename("M".repeat(40));
    await desktop.insert(`${"unbreakable".repeat(20)}\n\n${"many words ".repeat(40)}`);
    await expect.poll(() => phone.cursorNames.count(), POLL).toBe(1);
    const width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await phone.page.evaluate(width)).toBe(0);
    const inside =
      'document.querySelector(".cm-scroller").scrollWidth - document.querySelector(".cm-scroller").clientWidth';
    expect(await phone.page.evaluate(inside)).toBe(0);
    expect(phone.complaints).toEqual([]);
  });

  test("can be used by keyboard alone", async () => {
    const ada = await openEditor(await person(), newRoom());
    // A new user can type immediately, and Tab leaves the editor.
    await ada.page.keyboard.type("typed without a click");
    await expectText([ada], "typed without a click");
    await ada.page.keyboard.press("Shift+Tab");
    const focused = () =>
      ada.page.evaluate<string>(
        "document.activeElement.ariaLabel ?? document.activeElement.textContent",
      );
    expect(await focused()).toBe("Copy link");
    await ada.page.keyboard.press("Shift+Tab");
    await ada.page.keyboard.press("Shift+Tab");
    expect(await focused()).toBe("Undo my last change");
    await ada.page.keyboard.press("Enter");
    await expectText([ada], "");
  });
});
