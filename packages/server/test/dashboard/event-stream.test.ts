import { afterEach, beforeAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { newBrowser } from "./browsers.ts";
import { type DashboardPage, hashOf, openDashboard } from "./dashboard-page.ts";
import { join, leave } from "./people.ts";

const POLL = { timeout: 45_000 };

let server: ServerProcess;
let proxy: TcpProxy | undefined;

beforeAll(async () => {
  server = await startServer();
});

afterEach(async () => {
  await proxy?.close();
});

/** The dashboard behind a network that can fail. */
async function dashboardThrough(network: TcpProxy, hash: string): Promise<DashboardPage> {
  return openDashboard(await newBrowser(), `http://127.0.0.1:${network.port}`, hash);
}

test("updates the live rooms after the event stream was cut off", async () => {
  proxy = await TcpProxy.start(server.port);
  const going = await join(server.wsUrl, "goes meanwhile");
  await join(server.wsUrl, "stays");
  const dashboard = await dashboardThrough(proxy, "#/live");
  await dashboard.row("goes meanwhile").waitFor();
  proxy.cut();
  await dashboard.stream.getByText("Reconnecting…").waitFor();
  leave(going);
  await join(server.wsUrl, "comes meanwhile");
  proxy.restore();
  await dashboard.isLive();
  await dashboard.row("comes meanwhile").waitFor();
  await dashboard.row("goes meanwhile").waitFor({ state: "detached" });
  await dashboard.row("stays").waitFor();
});

test("shows only the new document if a room was replaced while the event stream was cut off", async () => {
  proxy = await TcpProxy.start(server.port);
  const before = await join(server.wsUrl, "replaced");
  before.text.insert(0, "the old text");
  const dashboard = await dashboardThrough(proxy, hashOf("live", "replaced"));
  await dashboard.root("text").getByText("the old text").waitFor();
  proxy.cut();
  await dashboard.stream.getByText("Reconnecting…").waitFor();
  leave(before);
  for (const path of ["replaced", "replaced/tombstone"]) {
    await fetch(`${server.url}/api/rooms/${path}`, { method: "DELETE" });
  }
  const after = await join(server.wsUrl, "replaced");
  after.text.insert(0, "the new text");
  proxy.restore();
  await dashboard.isLive();
  const text = dashboard.root("text").getByRole("paragraph");
  await expect.poll(() => text.innerText(), POLL).toBe("the new text");
});

test("does not show a frozen server as live until it resumes", async () => {
  await join(server.wsUrl, "frozen");
  const dashboard = await openDashboard(await newBrowser(), server.url, "#/live");
  await dashboard.page.clock.install();
  await dashboard.page.reload();
  await dashboard.row("frozen").waitFor();
  server.signal("SIGSTOP");
  try {
    await dashboard.page.clock.fastForward(30_000);
    expect(await dashboard.stream.innerText()).toBe("Live");
    await dashboard.page.clock.fastForward(6_000);
    await dashboard.stream.getByText("Reconnecting…").waitFor();
  } finally {
    server.signal("SIGCONT");
  }
  await dashboard.isLive();
});
