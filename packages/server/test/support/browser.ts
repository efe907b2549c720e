import { type Browser, chromium } from "playwright-core";

/**
 * Starts Debian's Chromium without a window, in a new empty profile; its own program for that takes
 * half the time of the whole browser. `close()` ends the process and removes the profile. Its contexts
 * share nothing with each other, like two people's browsers.
 *
 * @param args more of its command line
 * @throws Error if it is not installed
 */
export function startBrowser(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium-headless-shell",
    headless: true,
    // Tests run as root in containers, where its sandbox does not start.
    chromiumSandbox: false,
    // Nothing but the page under test may use the network.
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
}
