import { beforeAll, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { type Member, TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { newBrowser } from "./browsers.ts";
import { type DashboardPage, hashOf, openDashboard } from "./dashboard-page.ts";
import { ODD_NAMES } from "./odd-names.ts";
import { join, leave } from "./people.ts";

const POLL = { timeout: 45_000 };
// The browser logs this to the console when a server is unreachable.
const CONNECTION_FAILED = /^Failed to load resource/;

let cluster: TestCluster;

beforeAll(async () => {
  const env = { UNLOAD_DELAY_MS: "200", SNAPSHOT_INTERVAL_MS: "500" };
  cluster = await TestCluster.start(3, { env });
}, 120_000);

function server(index: number): Member["process"] {
  return cluster.member(index).process;
}

function addressOf(index: number): string {
  return `127.0.0.1:${cluster.member(index).peers.port}`;
}

/** The dashboard of one server, in its own browser context. */
async function dashboardOf(index: number, hash = "#/"): Promise<DashboardPage> {
  return openDashboard(await newBrowser(), server(index).url, hash);
}

describe("the overview", () => {
  test("shows the state of the cluster, and keeps it up to date", async () => {
    const dashboard = await dashboardOf(0);
    await expect.poll(() => dashboard.fact("Servers").innerText(), POLL).toBe("3");
    await expect.poll(() => dashboard.fact("Connections").innerText(), POLL).toBe("0");
    const first = await join(server(1).wsUrl, "overview-one");
    await join(server(2).wsUrl, "overview-one");
    await join(server(2).wsUrl, "overview-two");
    await expect.poll(() => dashboard.fact("Connections").innerText(), POLL).toBe("3");
    expect(await dashboard.fact("Active rooms").innerText()).toBe("2");
    await expect.poll(() => dashboard.fact("Documents in memory").innerText(), POLL).toBe("3");
    leave(first);
    await expect.poll(() => dashboard.fact("Connections").innerText(), POLL).toBe("2");
    await dashboard.panel("Health").getByText("All servers are healthy").waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  test("shows connections over time, as a chart and as a table", async () => {
    await join(server(1).wsUrl, "history");
    const dashboard = await dashboardOf(0, "#/?range=1h");
    const history = dashboard.panel("Over time");
    await history.getByRole("img", { name: /^Line chart of connections/ }).waitFor();
    await history.getByText("Show as a table").click();
    const rows = history.locator("tbody tr");
    const most = async () => {
      await dashboard.page.reload();
      await history.getByText("Show as a table").click();
      const cells = await rows.locator("td:nth-child(2)").allInnerTexts();
      return Math.max(...cells.map(Number));
    };
    await expect.poll(most, { timeout: 60_000, interval: 500 }).toBeGreaterThan(0);
    await history.getByRole("link", { name: "7 days" }).click();
    await expect.poll(() => dashboard.page.url(), POLL).toMatch(/#\/\?range=7d$/);
    await expect.poll(() => rows.count(), POLL).toBeGreaterThan(100);
  });

  test("uses the time zone of the browser", async () => {
    const times: string[] = [];
    for (const timezoneId of ["UTC", "Asia/Kathmandu"]) {
      const context = await newBrowser({ timezoneId });
      const dashboard = await openDashboard(context, server(0).url, "#/?range=30d");
      const history = dashboard.panel("Over time");
      await history.getByText("Show as a table").click();
      const time = history.locator("tbody time").first();
      times.push(await time.innerText());
      const at = new Date((await time.getAttribute("datetime")) ?? "");
      const expected = at.toLocaleTimeString("en-GB", {
        timeZone: timezoneId,
        hour: "2-digit",
        minute: "2-digit",
      });
      expect(times.at(-1)).toContain(expected);
    }
    expect(times[0]).not.toBe(times[1]);
  });

  test("names a server with a failing service, until it recovers", async () => {
    const dashboard = await dashboardOf(0);
    const health = dashboard.panel("Health");
    await health.getByText("All servers are healthy").waitFor();
    cluster.member(1).redis.cut();
    try {
      await health.getByRole("listitem").getByText(addressOf(1)).first().waitFor();
    } finally {
      cluster.member(1).redis.restore();
    }
    await health.getByText("All servers are healthy").waitFor();
  });
});

describe("the list of live rooms", () => {
  test("is kept up to date without a reload", async () => {
    const dashboard = await dashboardOf(0, "#/live");
    await dashboard.isLive();
    const first = await join(server(1).wsUrl, "live-one");
    await dashboard.row("live-one").waitFor();
    const second = await join(server(2).wsUrl, "live-one");
    const cells = dashboard.row("live-one").getByRole("cell");
    await expect.poll(() => cells.first().innerText(), POLL).toBe("2");
    await expect.poll(() => cells.last().innerText(), POLL).toContain(addressOf(2));
    expect(await cells.last().innerText()).toContain(addressOf(1));
    leave(first);
    await expect.poll(() => cells.first().innerText(), POLL).toBe("1");
    leave(second);
    await dashboard.row("live-one").waitFor({ state: "detached" });
    expect(dashboard.complaints).toEqual([]);
  });

  test("can be filtered by name, and keeps the filter in its URL", async () => {
    await join(server(1).wsUrl, "apples");
    await join(server(1).wsUrl, "pears");
    const dashboard = await dashboardOf(2, "#/live");
    await dashboard.row("pears").waitFor();
    await dashboard.page.getByRole("searchbox").fill("APP");
    await dashboard.row("pears").waitFor({ state: "detached" });
    await dashboard.row("apples").waitFor();
    await dashboard.page.reload();
    await dashboard.row("apples").waitFor();
    expect(await dashboard.rows.count()).toBe(1);
    await dashboard.page.getByRole("searchbox").fill("oranges");
    await dashboard.page.getByText("No active room matches “oranges”").waitFor();
  });
});

describe("watching a room", () => {
  test("shows the roots of a document on another server by type, as they change", async () => {
    const ada = await join(server(1).wsUrl, "watched", { presence: { user: { name: "Ada" } } });
    ada.doc.getMap("settings").set("theme", "dark");
    ada.doc.getArray("list").push([{ done: true }, 7]);
    const paragraph = new Y.XmlElement("paragraph");
    ada.doc.getXmlFragment("page").insert(0, [paragraph]);
    const dashboard = await dashboardOf(0, hashOf("live", "watched"));
    await dashboard.root("settings").getByText('"dark"').waitFor();
    await dashboard.root("list").getByText("true").waitFor();
    await dashboard.root("page").getByText("<paragraph></paragraph>").waitFor();

    ada.text.insert(0, "written while it is watched");
    await dashboard.root("text").getByText("written while it is watched").waitFor();
    ada.doc.getMap("settings").set("theme", "light");
    await dashboard.root("settings").getByText('"light"').waitFor();

    const updates = dashboard.panel("Latest updates").locator("tbody tr");
    await updates.last().getByText("whole document").waitFor();
    await expect
      .poll(() => updates.first().innerText(), POLL)
      .toMatch(/:\d\d\.\d{3}\s+\d+ B\s+Ada/);
    expect(dashboard.complaints).toEqual([]);
  });

  test("shows who is present, without counting as present or connected", async () => {
    const ada = await join(server(1).wsUrl, "present", { presence: { user: { name: "Ada" } } });
    const dashboard = await dashboardOf(0, hashOf("live", "present"));
    await dashboard.panel("Present (1)").getByText("Ada", { exact: true }).waitFor();
    const ben = await join(server(2).wsUrl, "present", { presence: { name: "Ben" } });
    await dashboard.panel("Present (2)").getByText("Ben", { exact: true }).waitFor();
    ben.setPresence({ name: "Benjamin", cursor: 17 });
    await dashboard.panel("Present (2)").getByText("Benjamin", { exact: true }).click();
    await dashboard.panel("Present (2)").getByText("17", { exact: true }).waitFor();
    leave(ben);
    await dashboard.panel("Present (1)").waitFor();
    await expect.poll(() => [...ada.presence.keys()], POLL).toEqual([ada.clientId]);
    await expect.poll(() => dashboard.fact("Connections").innerText(), POLL).toBe("1");
  });

  test("resumes after the server was killed and restarted", async () => {
    const ada = await join(server(2).wsUrl, "killed");
    ada.text.insert(0, "before");
    const dashboard = await dashboardOf(1, hashOf("live", "killed"));
    await dashboard.root("text").getByText("before").waitFor();
    const member = cluster.member(1);
    await member.process.kill();
    await dashboard.stream.getByText("Reconnecting…").waitFor();
    await dashboard.page.getByText("The server cannot be reached.").first().waitFor();
    ada.text.insert(6, ", and meanwhile");
    await cluster.restart(member);
    await dashboard.isLive();
    await dashboard.root("text").getByText("before, and meanwhile").waitFor();
    await dashboard.page
      .getByText("The server cannot be reached.")
      .waitFor({ state: "detached", ...POLL });
    expect(dashboard.complaints.filter((text) => !CONNECTION_FAILED.test(text))).toEqual([]);
  });

  test("continues when the editors' server is killed", async () => {
    const ada = await join(server(1).wsUrl, "editors-server-killed");
    ada.text.insert(0, "before");
    const dashboard = await dashboardOf(0, hashOf("live", "editors-server-killed"));
    await dashboard.root("text").getByText("before").waitFor();
    const member = cluster.member(1);
    await member.process.kill();
    leave(ada);
    const ben = await join(server(2).wsUrl, "editors-server-killed");
    await waitFor(() => ben.text.toString() === "before", {
      message: "Ben has received the document",
    });
    ben.text.insert(6, ", after");
    await dashboard.root("text").getByText("before, after").waitFor();
    await cluster.restart(member);
  });
});

describe("a room with an odd name", () => {
  test.each(ODD_NAMES)("%j can be listed, watched, read and deleted", async (name) => {
    const ada = await join(server(1).wsUrl, name);
    ada.text.insert(0, "in an odd room");
    const dashboard = await dashboardOf(0, "#/live");
    const link = dashboard.page.getByRole("link", { name, exact: true });
    await link.click();
    await dashboard.root("text").getByText("in an odd room").waitFor();
    expect(await dashboard.heading.innerText()).toBe(name);
    leave(ada);

    await dashboard.page.getByRole("link", { name: "Stored" }).click();
    await dashboard.page.getByRole("button", { name: "Reload" }).waitFor();
    await dashboard.root("text").getByText("in an odd room").waitFor();
    await dashboard.page.reload();
    await dashboard.root("text").getByText("in an odd room").waitFor();

    await deleteRoom(dashboard, name);
    await link.waitFor({ state: "detached" });
    expect(dashboard.complaints).toEqual([]);
  });

  test("that cannot be part of a path can be read and deleted", async () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "up");
    const response = await fetch(`${server(1).url}/api/rooms/-/updates?room=..`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: Y.encodeStateAsUpdate(doc),
    });
    expect(response.status).toBe(204);
    const dashboard = await dashboardOf(0, "#/rooms?sort=name&order=asc");
    const link = dashboard.page.getByRole("link", { name: "..", exact: true });
    await link.click();
    await dashboard.root("text").getByText("up").waitFor();
    await deleteRoom(dashboard, "..");
    await link.waitFor({ state: "detached" });
  });
});

/** Deletes the room shown on the page. */
async function deleteRoom({ page, heading }: DashboardPage, name: string): Promise<void> {
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("textbox").fill(name);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await heading.getByText("Rooms", { exact: true }).waitFor();
}

describe("the list of servers", () => {
  test("shows the state and the connections of each", async () => {
    await join(server(1).wsUrl, "servers");
    const dashboard = await dashboardOf(0, "#/servers");
    await expect.poll(() => dashboard.rows.count(), POLL).toBe(3);
    const row = dashboard.row(addressOf(1));
    await row.getByText("healthy").waitFor();
    await row.getByText("held").waitFor();
    const connections = row.getByRole("cell").nth(1);
    await expect.poll(() => connections.innerText(), POLL).toBe("1");
  });

  test("names servers that do not answer", async () => {
    const dashboard = await dashboardOf(0, "#/servers");
    await expect.poll(() => dashboard.rows.count(), POLL).toBe(3);
    cluster.member(2).peers.cut();
    try {
      const missing = dashboard.page.getByRole("listitem").getByText(addressOf(2));
      await missing.waitFor();
    } finally {
      cluster.member(2).peers.restore();
    }
    await expect.poll(() => dashboard.rows.count(), POLL).toBe(3);
  });
});
