import type { BrowserContext, Locator, Page } from "playwright-core";

/** The dashboard in a browser, by what a person sees of it. */
export class DashboardPage {
  readonly page: Page;
  /** What the console and uncaught exceptions said, warnings and errors only. */
  readonly complaints: string[] = [];
  /** The URL of everything that was requested. */
  readonly requests: string[] = [];
  readonly #url: string;

  /** @param url of the server, and the prefix under which a proxy has put it */
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

  /** What the page says of the events that it gets. */
  get stream(): Locator {
    return this.page.locator(".badge");
  }

  /** Rows of the table of rooms or servers. */
  get rows(): Locator {
    return this.page.locator("tbody tr");
  }

  /** The row that begins with exactly this. */
  row(name: string): Locator {
    const heading = this.page.getByRole("rowheader").getByText(name, { exact: true });
    return this.page.getByRole("row").filter({ has: heading });
  }

  /** The figure with this label. */
  fact(label: string): Locator {
    const term = this.page.getByText(label, { exact: true });
    return this.page.locator(".fact").filter({ has: term }).locator(".fact-value");
  }

  /** A titled part of the page. */
  panel(title: string | RegExp): Locator {
    return this.page.getByRole("region", { name: title });
  }

  /** The root of a document with this name, as it is shown. */
  root(name: string): Locator {
    const label = this.page.getByText(name, { exact: true });
    return this.page.locator(".root").filter({ has: label });
  }

  /** @param hash such as `#/rooms` */
  async open(hash: string): Promise<void> {
    await this.page.goto(`${this.#url}/dashboard/${hash}`);
    await this.heading.waitFor();
  }

  /** Opens another view by the links at the top. */
  async go(label: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Dashboard" }).getByText(label).click();
  }

  /** The events come, or come again. */
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

/** The address of a room in the dashboard. */
export function hashOf(view: "room" | "live", room: string): string {
  return `#/${view}/${encodeURIComponent(room)}`;
}
