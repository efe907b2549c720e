import type { BrowserContext, Locator, Page } from "playwright-core";

/** The dashboard in a browser, located by what the user sees. */
export class DashboardPage {
  readonly page: Page;
  /** Console warnings and errors, and uncaught exceptions. */
  readonly complaints: string[] = [];
  /** The URLs of all requests. */
  readonly requests: string[] = [];
  readonly #url: string;

  /** @param url of the server, including the prefix of a proxy */
  constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
  }

  get heading(): Locator {
    return this.page.getByRole("heading", { level: 1 });
  }

  /** The badge that shows the state of the event stream. */
  get stream(): Locator {
    return this.page.locator(".badge");
  }

  /** The rows of the table of rooms or servers. */
  get rows(): Locator {
    return this.page.locator("tbody tr");
  }

  /** The row with exactly this heading. */
  row(name: string): Locator {
    const heading = this.page.getByRole("rowheader").getByText(name, { exact: true });
    return this.page.getByRole("row").filter({ has: heading });
  }

  /** The figure with this label. */
  fact(label: string): Locator {
    const term = this.page.getByText(label, { exact: true });
    return this.page.locator(".fact").filter({ has: term }).locator(".fact-value");
  }

  /** The panel with this title. */
  panel(title: string | RegExp): Locator {
    return this.page.getByRole("region", { name: title });
  }

  /** The root of a document with this name, as displayed. */
  root(name: string): Locator {
    const label = this.page.getByText(name, { exact: true });
    return this.page.locator(".root").filter({ has: label });
  }

  /** @param hash such as `#/rooms` */
  async open(hash: string): Promise<void> {
    await this.page.goto(`${this.#url}/dashboard/${hash}`);
    await this.heading.waitFor();
  }

  /** Opens another view through the navigation links. */
  async go(label: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Dashboard" }).getByText(label).click();
  }

  /** Waits until the event stream is live. */
  async isLive(): Promise<void> {
    await this.stream.getByText("Live", { exact: true }).waitFor();
  }
}

/** Opens a view of the dashboard. */
export async function openDashboard(
  context: BrowserContext,
  url: string,
  hash = "#/",
): Promise<DashboardPage> {
  const dashboard = new DashboardPage(await context.newPage(), url);
  await dashboard.open(hash);
  return dashboard;
}

/** The hash of a room's view in the dashboard. */
export function hashOf(view: "room" | "live", room: string): string {
  return `#/${view}/${encodeURIComponent(room)}`;
}
