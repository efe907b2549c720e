import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { getRequestListener } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterAll } from "vitest";
import { temporaryDirectory } from "../support/server-process.ts";

const EXAMPLE = fileURLToPath(new URL("../../../../examples/rich-text-editor", import.meta.url));

/** Builds the page and serves it from its own origin, like an application. @returns its URL */
export async function serveRichTextEditor(): Promise<string> {
  const root = join(await temporaryDirectory(), "page");
  await promisify(execFile)("npx", ["vite", "build", "--logLevel", "warn", "--outDir", root], {
    cwd: EXAMPLE,
  });
  const app = new Hono().get("*", serveStatic({ root }));
  const site = createServer(getRequestListener(app.fetch));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  afterAll(() => {
    site.close();
    site.closeAllConnections();
  });
  return `http://localhost:${(site.address() as AddressInfo).port}/`;
}

/** The rich text editor's page in a browser, located by what a user sees. */
export class RichTextPage {
  readonly page: Page;
  /** The URLs of all WebSockets that the page has opened. */
  readonly sockets: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("websocket", (socket) => this.sockets.push(socket.url()));
  }

  static async open(context: BrowserContext, url: string): Promise<RichTextPage> {
    const editor = new RichTextPage(await context.newPage());
    // This lets a test advance the time.
    await editor.page.clock.install();
    await editor.page.goto(url);
    return editor;
  }

  get editor(): Locator {
    return this.page.getByLabel("Shared text");
  }

  get connection(): Locator {
    return this.page.getByRole("status");
  }

  /** The names next to the other people's cursors. */
  get cursorNames(): Locator {
    return this.page.locator(".collaboration-carets__label");
  }

  async connected(): Promise<void> {
    await this.connection.and(this.page.getByText("Connected", { exact: true })).waitFor();
  }

  /** The document as HTML, without the cursors that the editor draws into it. */
  html(): Promise<string> {
    return this.page.evaluate<string>(`(() => {
      const copy = document.querySelector(".ProseMirror").cloneNode(true);
      const drawn = ".collaboration-carets__caret, .ProseMirror-trailingBreak, .ProseMirror-separator";
      for (const one of copy.querySelectorAll(drawn)) one.remove();
      return copy.innerHTML;
    })()`);
  }

  /** Writes at the end of the document, key by key. */
  async write(text: string): Promise<void> {
    await this.editor.click();
    await this.page.keyboard.press("Control+End");
    await this.page.keyboard.type(text);
  }
}
