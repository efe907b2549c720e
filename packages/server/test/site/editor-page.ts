import type { BrowserContext, Locator, Page } from "playwright-core";

// The text without the cursors and the placeholder that the editor draws into it.
const READ_TEXT = `[...document.querySelectorAll(".cm-line")].map((line) => {
  const copy = line.cloneNode(true);
  for (const drawn of copy.querySelectorAll(".cm-ySelectionCaret, .cm-placeholder")) drawn.remove();
  return copy.textContent;
}).join("\\n")`;

/** The text editor's page in a browser, by what a person sees of it. */
export class EditorPage {
  readonly page: Page;
  /** What the console and uncaught exceptions said, warnings and errors only. */
  readonly complaints: string[] = [];
  /** The URL of everything that was requested, WebSockets included. */
  readonly requests: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("websocket", (socket) => this.requests.push(socket.url()));
  }

  get editor(): Locator {
    return this.page.getByRole("textbox", { name: "Shared text" });
  }

  get myName(): Locator {
    return this.page.getByRole("textbox", { name: "Your name" });
  }

  get connection(): Locator {
    return this.page.getByRole("status").first();
  }

  /** The names beside the other people's cursors. */
  get cursorNames(): Locator {
    return this.page.locator(".cm-ySelectionInfo");
  }

  async synced(): Promise<void> {
    await this.connection.and(this.page.getByText("Connected, synced")).waitFor();
  }

  async offline(): Promise<void> {
    await this.connection.and(this.page.getByText("Offline")).waitFor();
  }

  text(): Promise<string> {
    return this.page.evaluate<string>(READ_TEXT);
  }

  /** Writes at the end of the document, key by key. */
  async write(text: string): Promise<void> {
    await this.editor.focus();
    await this.page.keyboard.press("Control+End");
    await this.page.keyboard.type(text);
  }

  /** Writes at the end of the document, all at once, as a paste does. */
  async insert(text: string): Promise<void> {
    await this.editor.focus();
    await this.page.keyboard.press("Control+End");
    await this.page.keyboard.insertText(text);
  }

  async rename(name: string): Promise<void> {
    await this.myName.fill(name);
    await this.myName.press("Enter");
  }

  /** The names of the other people in the list. */
  others(): Promise<string[]> {
    const items = this.page.getByRole("list", { name: "Here now" }).getByRole("listitem");
    return items.locator(".person-name").allTextContents();
  }
}

/** Opens the page and waits until it has the document. */
export async function openEditor(context: BrowserContext, url: string): Promise<EditorPage> {
  const editor = new EditorPage(await context.newPage());
  await editor.page.goto(url);
  await editor.synced();
  return editor;
}
