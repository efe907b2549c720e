import type { BrowserContext, Locator, Page } from "playwright-core";

// The text without the cursors and the placeholder that the editor draws into it.
const READ_TEXT = `[...document.querySelectorAll(".cm-line")].map((line) => {
  const copy = line.cloneNode(true);
  for (const drawn of copy.querySelectorAll(".cm-ySelectionCaret, .cm-placeholder")) drawn.remove();
  return copy.textContent;
}).join("\\n")`;

/** The text editor's page in a browser, located by what a user sees. */
export class EditorPage {
  readonly page: Page;
  /** Console warnings and errors, and uncaught exceptions. */
  readonly complaints: string[] = [];
  /** The URLs of all requests, including WebSockets. */
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

  /** The names next to the other people's cursors. */
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

  /** Writes at the end of the document in one step, like a paste. */
  async insert(text: string): Promise<void> {
    await this.editor.focus();
    await this.page.keyboard.press("Control+End");
    await this.page.keyboard.insertText(text);
  }

  async rename(name: string): Promise<void> {
    await this.myName.fill(name);
    await this.myName.press("Enter");
  }

  /** The names of the other people, as listed on the page. */
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
