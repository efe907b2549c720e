import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startBrowser } from "../support/browser.ts";

let browser: Browser | undefined;
let contexts: BrowserContext[] = [];

beforeAll(async () => {
  browser = await startBrowser();
});

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
});

afterAll(async () => {
  await browser?.close();
});

/** An isolated browser context that lasts until the end of the test. */
export async function newBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  if (browser === undefined) throw new Error("the browser has not started");
  const context = await browser.newContext(options);
  contexts.push(context);
  return context;
}
