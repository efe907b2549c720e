import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { startServer } from "../support/server-process.ts";
import { newBrowser } from "./browsers.ts";
import { type DashboardPage, openDashboard } from "./dashboard-page.ts";

const TOKEN = "the right token of this server";

describe("a server with an admin token", () => {
  async function signInPage(hash: string): Promise<DashboardPage> {
    const server = await startServer({ env: { ADMIN_TOKEN: TOKEN } });
    const dashboard = await openDashboard(await newBrowser(), server.url, hash);
    await dashboard.heading.getByText("Sign in").waitFor();
    return dashboard;
  }

  async function signIn({ page }: DashboardPage, token: string): Promise<void> {
    await page.getByLabel("Admin token").fill(token);
    await page.keyboard.press("Enter");
  }

  test("rejects a wrong token, and opens the requested page after the right one", async () => {
    const dashboard = await signInPage("#/servers");
    await signIn(dashboard, "a wrong token");
    await dashboard.page.getByRole("alert").getByText("Wrong admin token.").waitFor();
    await signIn(dashboard, TOKEN);
    await dashboard.heading.getByText("Servers").waitFor();
    await dashboard.rows.first().waitFor();
    await dashboard.page.reload();
    await dashboard.rows.first().waitFor();
  });

  test("never exposes the token to scripts or in URLs", async () => {
    const dashboard = await signInPage("#/");
    await signIn(dashboard, TOKEN);
    await dashboard.heading.getByText("Overview").waitFor();
    await dashboard.isLive();
    expect(await dashboard.page.evaluate("document.cookie")).toBe("");
    expect(await dashboard.page.evaluate("localStorage.length + sessionStorage.length")).toBe(0);
    expect(decodeURIComponent(dashboard.requests.join())).not.toContain(TOKEN);
  });

  test("requires a new sign-in after signing out", async () => {
    const dashboard = await signInPage("#/rooms");
    await signIn(dashboard, TOKEN);
    await dashboard.page.getByText("There are no rooms yet").waitFor();
    await dashboard.page.getByRole("button", { name: "Sign out" }).click();
    await dashboard.heading.getByText("Sign in").waitFor();
    await dashboard.page.reload();
    await dashboard.heading.getByText("Sign in").waitFor();
  });

  test("shows the sign-in page when the session ends while the dashboard is open", async () => {
    const dashboard = await signInPage("#/servers");
    await signIn(dashboard, TOKEN);
    await dashboard.rows.first().waitFor();
    await dashboard.page.context().clearCookies();
    await dashboard.heading.getByText("Sign in").waitFor();
  });
});

describe("a server without an admin token", () => {
  test("admits browsers on the same machine", async () => {
    const server = await startServer();
    const dashboard = await openDashboard(await newBrowser(), server.url);
    await dashboard.heading.getByText("Overview").waitFor();
    expect(await dashboard.page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
  });

  test("denies access to other machines, and explains how to get it", async () => {
    const server = await startServer({ env: { HOST: "0.0.0.0", ALLOW_ANONYMOUS: "true" } });
    const url = `http://${addressOfThisMachine()}:${server.port}`;
    const dashboard = await openDashboard(await newBrowser(), url);
    await dashboard.heading.getByText("Access denied").waitFor();
    await dashboard.page.getByText("Set ADMIN_TOKEN on every server").waitFor();
  });
});

/** A non-loopback address: requests to it do not appear to come from this machine. */
function addressOfThisMachine(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined)
    throw new Error("this machine has no address other than the loopback address");
  return found.address;
}
