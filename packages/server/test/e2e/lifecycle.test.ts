import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { EditingClient } from "../support/editing-client.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { spawnServer, startServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** Every setting of this version. */
const SETTINGS = [
  "HOST",
  "PORT",
  "DATA_DIR",
  "ALLOW_ANONYMOUS",
  "MAX_MESSAGE_BYTES",
  "MAX_DOCUMENT_BYTES",
  "MAX_CONNECTIONS_PER_ROOM",
  "SNAPSHOT_INTERVAL_MS",
  "UNLOAD_DELAY_MS",
  "GC",
  "LOG_LEVEL",
];

async function acknowledged(client: EditingClient): Promise<void> {
  await waitFor(() => client.acknowledged === client.clock, {
    message: "all edits are acknowledged",
  });
}

/** The number of rows in the journal and of snapshots. */
function storedRows(dataDir: string): { journal: number; snapshots: number } {
  const count = (table: string) => {
    const database = new DatabaseSync(join(dataDir, `${table}.db`));
    const row = database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
    database.close();
    return Number(row?.n);
  };
  return { journal: count("journal"), snapshots: count("snapshots") };
}

describe("start", () => {
  it("is live and ready with an empty store", async () => {
    const server = await startServer();
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${server.url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ok", failing: {} }]);
    await server.stop();
  });

  it.each([
    [{ PORT: "http" }, /^symphony-backend: PORT="http": must be a whole number$/],
    [{ HOST: "0.0.0.0" }, /^symphony-backend: HOST="0.0.0.0" is not a loopback address/],
    [{ DATA_DIR: "/dev/null/x" }, /^symphony-backend: cannot start: .*\/dev\/null\/x/],
  ])("exits with a one-line error for %o", async (env, line) => {
    const server = await spawnServer({ env });
    expect((await server.exited).code).toBe(1);
    expect(server.output).toEqual([expect.stringMatching(line)]);
    expect(server.logs).toEqual([]);
  });

  it("describes every setting with --help", async () => {
    const server = await spawnServer({}, ["--help"]);
    expect((await server.exited).code).toBe(0);
    const help = server.output.join("\n");
    for (const name of SETTINGS) expect(help).toMatch(new RegExp(`^\\s+${name} .*default`, "m"));
  });

  it("refuses a data directory that another server uses", async () => {
    const first = await startServer();
    const second = await spawnServer({ dataDir: first.dataDir });
    expect((await second.exited).code).toBe(1);
    expect(second.output.join("\n")).toContain(first.dataDir);
    await first.stop();
  });
});

describe("drain", () => {
  it("makes everything durable, closes connections with 1012, and exits with 0", async () => {
    const dataDir = await temporaryDirectory();
    const server = await startServer({ dataDir });
    const clients = [new EditingClient(), new EditingClient()];
    for (const client of clients) await client.connect(server.wsUrl, "room");
    for (let i = 0; i < 500; i++) clients[i % 2]?.doc.getText("text").insert(0, "x");
    const [first] = clients;
    await waitFor(() => (first?.acknowledged ?? 0) > 0, { message: "an edit is acknowledged" });
    server.signal("SIGTERM");
    const codes = await Promise.all(clients.map((client) => client.disconnected()));
    expect(codes).toEqual([1012, 1012]);
    expect((await server.exited).code).toBe(0);
    expect(storedRows(dataDir)).toEqual({ journal: 0, snapshots: 1 });
    const again = await startServer({ dataDir });
    const stored = await readRoom(again.wsUrl, "room");
    for (const client of clients) {
      expect(stored.getText("text").length).toBeGreaterThanOrEqual(client.acknowledged);
    }
    for (const client of clients) await client.connect(again.wsUrl, "room");
    await waitFor(() => clients.every((client) => client.doc.getText("text").length === 500), {
      message: "edits that the server had not read come from the clients",
    });
    expect(await again.stop()).toBe(0);
  });

  it("refuses new connections and reports that it is not ready while clients are connected", async () => {
    const server = await startServer();
    // A client that never completes the close handshake delays the drain for a while.
    const silent = await RawClient.connect(server.wsUrl, "room");
    silent.pause();
    server.signal("SIGTERM");
    await waitFor(async () => (await fetch(`${server.url}/health/ready`)).status === 503, {
      message: "the readiness check answers 503",
    });
    await expect(RawClient.connect(server.wsUrl, "room")).rejects.toThrow(/503/);
    expect((await server.exited).code).toBe(0);
    silent.terminate();
  });

  it("exits immediately on a second signal", async () => {
    const server = await startServer();
    const silent = await RawClient.connect(server.wsUrl, "room");
    silent.pause();
    server.signal("SIGINT");
    await waitFor(() => server.logs.some((line) => line.msg === "draining"), {
      message: "the server is draining",
    });
    server.signal("SIGTERM");
    expect((await server.exited).code).toBe(1);
    silent.terminate();
  });
});

describe("unloading", () => {
  it("stores a snapshot and unloads the document after the delay", async () => {
    const server = await startServer({ env: { UNLOAD_DELAY_MS: "50", LOG_LEVEL: "debug" } });
    const client = new EditingClient();
    await client.connect(server.wsUrl, "room");
    client.doc.getText("text").insert(0, "kept");
    await acknowledged(client);
    await client.disconnect();
    const logged = (msg: string) =>
      server.logs.some((line) => line.msg === msg && line.room === "room");
    await waitFor(() => logged("unloaded"), { message: "the document is unloaded" });
    expect(logged("snapshot stored")).toBe(true);
    expect((await readRoom(server.wsUrl, "room")).getText("text").toString()).toBe("kept");
    await server.stop();
  });

  it("serves clients that connect while the document is being unloaded", async () => {
    const server = await startServer({ env: { UNLOAD_DELAY_MS: "0" } });
    const client = new EditingClient();
    for (let i = 1; i <= 300; i++) {
      await client.connect(server.wsUrl, "room");
      client.doc.getText("text").insert(0, "x");
      await acknowledged(client);
      await client.disconnect();
      if (i % 20 === 0) {
        const read = await readRoom(server.wsUrl, "room");
        expect(read.getText("text").length).toBe(i);
      }
    }
    expect(await server.stop()).toBe(0);
  });
});
