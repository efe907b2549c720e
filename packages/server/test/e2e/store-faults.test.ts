import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { NODE_ARGS } from "@symphony/services/node-options";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { parseExposition } from "../metrics/parse-exposition.ts";
import { type Faults, IoFaults } from "../support/faults/io-faults.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { type ServerProcess, startServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** Matches the database and its write-ahead log. */
const JOURNAL = "journal.db";
const MEMORY_BYTES = 512 * 1024 * 1024;
const UPLOAD_BYTES = 300 * 1024;
const UPLOADERS = 8;

let faults: IoFaults;

beforeAll(async () => {
  faults = await IoFaults.prepare();
});

beforeEach(() => faults.clear());

afterAll(() => faults.dispose());

/** A document with this text. */
function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/** Whether the client has received this text. */
function has(client: RawClient, text: string): boolean {
  return client.document().getText("text").toString().includes(text);
}

async function joinRoom(server: ServerProcess, room: string): Promise<RawClient> {
  const client = await RawClient.connect(server.wsUrl, room);
  client.sendStep1();
  await client.first("step2");
  return client;
}

async function sent(client: RawClient, text: string, timeout = 15_000): Promise<void> {
  await waitFor(() => has(client, text), { timeout, message: `the client receives "${text}"` });
}

/** Stores a text in a room, and disconnects once the server has acknowledged it as durable. */
async function store(server: ServerProcess, room: string, text: string): Promise<void> {
  const client = await joinRoom(server, room);
  client.sendUpdate(updateOf(text));
  await sent(client, text);
  await client.close();
}

async function readiness(server: ServerProcess): Promise<{ status: number; body: string }> {
  const response = await fetch(`${server.url}/health/ready`);
  return { status: response.status, body: await response.text() };
}

async function becomesReady(server: ServerProcess): Promise<void> {
  await waitFor(async () => (await readiness(server)).status === 200, {
    message: "the server is ready",
  });
}

async function becomesUnready(server: ServerProcess): Promise<string> {
  return await waitFor(
    async () => {
      const { status, body } = await readiness(server);
      return status === 503 ? body : null;
    },
    { message: "the server is not ready" },
  );
}

/** How many bytes of updates are not durable yet. */
async function journalLag(server: ServerProcess): Promise<number> {
  const { valueAt } = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
  return valueAt("symphony_journal_lag_bytes");
}

async function injections(): Promise<number> {
  const { failedWrites, failedReads, failedSyncs, delayedSyncs } = await faults.injected();
  return failedWrites + failedReads + failedSyncs + delayedSyncs;
}

const cases: readonly (readonly [string, Faults])[] = [
  ["the disk is full", { writes: "ENOSPC" }],
  ["writes fail", { writes: "EIO" }],
  ["fsync fails", { syncs: "EIO" }],
  ["fsync hangs", { syncDelayMs: 60_000 }],
];

describe.each(cases)("while %s", (_name, fault) => {
  it("editing continues, nothing is acknowledged, and nothing is lost", async () => {
    const server = await startServer({ env: faults.env });
    const writer = await joinRoom(server, "room");
    const other = await joinRoom(server, "room");
    writer.sendUpdate(updateOf("before"));
    await sent(writer, "before");
    await sent(other, "before");
    const injectedBefore = await injections();

    await faults.set({ ...fault, path: JOURNAL });
    writer.sendUpdate(updateOf("meanwhile"));
    await sent(other, "meanwhile");
    expect(JSON.parse(await becomesUnready(server))).toHaveProperty("failing.journal");
    expect(await injections()).toBeGreaterThan(injectedBefore);
    // The room works in both directions: each client receives what the other wrote.
    other.sendUpdate(updateOf("answer"));
    await sent(writer, "answer");
    expect(has(writer, "meanwhile")).toBe(false);
    expect(has(other, "answer")).toBe(false);
    expect((await readiness(server)).status).toBe(503);

    await faults.clear();
    await sent(writer, "meanwhile");
    await sent(other, "answer");
    await becomesReady(server);
    expect(server.hasExited).toBe(false);
    expect([...writer.faults, ...other.faults]).toEqual([]);

    await server.kill();
    const next = await startServer({ dataDir: server.dataDir });
    const text = (await readRoom(next.wsUrl, "room")).getText("text").toString();
    for (const part of ["before", "meanwhile", "answer"]) expect(text).toContain(part);
    await next.stop();
  });
});

it("clients that upload while the journal fails are not read beyond the limit", async () => {
  const limit = MEMORY_BYTES / 16;
  const env = { ...faults.env, MAX_MEMORY_BYTES: String(MEMORY_BYTES) };
  const server = await startServer({ env, nodeArgs: NODE_ARGS });
  const rooms = Array.from({ length: UPLOADERS }, (_, i) => `room ${i}`);
  const writers = await Promise.all(rooms.map((room) => joinRoom(server, room)));
  const lag = () => journalLag(server);
  await faults.set({ writes: "EIO", path: JOURNAL });
  const each = Math.ceil((1.5 * limit) / UPLOAD_BYTES / UPLOADERS);
  const text = "x".repeat(UPLOAD_BYTES);
  for (let i = 0; i < each; i++) for (const writer of writers) writer.sendUpdate(updateOf(text));
  let before = 0;
  const settled = async () => {
    const now = await lag();
    const isSettled = now > limit && now === before;
    before = now;
    return isSettled ? now : null;
  };
  const bytes = await waitFor(settled, { timeout: 30_000, message: "no more is read" });
  expect(bytes).toBeLessThan(limit + 2 * UPLOADERS * UPLOAD_BYTES);
  await faults.clear();
  await waitFor(async () => (await lag()) === 0, { message: "everything is durable" });
  expect(writers.flatMap((writer) => writer.faults)).toEqual([]);
  await server.stop();
});

it("clients that leave while their uploads wait keep nobody else waiting", async () => {
  const server = await startServer({ env: faults.env, nodeArgs: NODE_ARGS });
  const text = "x".repeat(UPLOAD_BYTES);
  // Slow commits, so that most uploads still wait when their clients leave.
  await faults.set({ syncDelayMs: 300, path: JOURNAL });
  const rooms = Array.from({ length: 40 }, (_, i) => `room ${i}`);
  const leaving = await Promise.all(rooms.map((room) => joinRoom(server, room)));
  for (const client of leaving) client.sendUpdate(updateOf(text));
  const isBusy = async () => (await journalLag(server)) > 0;
  await waitFor(isBusy, { message: "uploads are being written" });
  for (const client of leaving) client.terminate();
  await faults.clear();
  const client = await joinRoom(server, "other room");
  client.sendUpdate(updateOf(text));
  await sent(client, text);
  await server.stop();
});

it("echoes an update only once a slow fsync has made it durable", async () => {
  const syncDelayMs = 700;
  const server = await startServer({ env: faults.env });
  const writer = await joinRoom(server, "room");
  const other = await joinRoom(server, "room");
  await faults.set({ syncDelayMs, path: JOURNAL });
  const start = performance.now();
  writer.sendUpdate(updateOf("slow"));
  expect(JSON.parse(await becomesUnready(server))).toHaveProperty("failing.journal");
  await sent(writer, "slow");
  expect(performance.now() - start).toBeGreaterThanOrEqual(syncDelayMs);
  await sent(other, "slow");
  await becomesReady(server);
  await faults.clear();
  await server.stop();
});

it("refuses clients while a room cannot be read, and serves its content afterwards", async () => {
  const dataDir = await temporaryDirectory();
  // Larger than what SQLite keeps in memory after reading its tables.
  const content = "content ".repeat(20_000);
  const first = await startServer({ dataDir });
  await store(first, "room", content);
  await first.stop();

  const server = await startServer({ dataDir, env: faults.env });
  await faults.set({ reads: "EIO", path: "snapshots.db" });
  const refused = await RawClient.connect(server.wsUrl, "room");
  refused.sendStep1();
  // SQLite reports an unreadable sector as corruption, but not other disk errors.
  expect([1011, 1013]).toContain((await refused.closed).code);
  expect(refused.messages).toEqual([]);
  expect((await faults.injected()).failedReads).toBeGreaterThan(0);

  await faults.clear();
  const doc = await readRoom(server.wsUrl, "room");
  expect(doc.getText("text").toString()).toBe(content);
  expect(server.hasExited).toBe(false);
  await server.stop();
});

it.each([
  ["snapshot", "snapshots"],
  ["journal row", "journal"],
] as const)("a damaged %s closes its own room, and no other", async (_name, table) => {
  const server = await startServer();
  await store(server, "damaged", "lost");
  await store(server, "whole", "kept");
  if (table === "snapshots") await server.stop();
  else await server.kill();
  flipStoredByte(join(server.dataDir, `${table}.db`), table, "damaged");

  const next = await startServer({ dataDir: server.dataDir });
  const client = await RawClient.connect(next.wsUrl, "damaged");
  client.sendStep1();
  client.sendUpdate(updateOf("new"));
  expect((await client.closed).code).toBe(1011);
  expect(client.messages).toEqual([]);
  const whole = await readRoom(next.wsUrl, "whole");
  expect(whole.getText("text").toString()).toBe("kept");
  expect(next.hasExited).toBe(false);
  await next.stop();
});

function flipStoredByte(path: string, table: "journal" | "snapshots", room: string): void {
  const database = new DatabaseSync(path);
  const row = database.prepare(`SELECT content FROM ${table} WHERE room = ?`).get(room);
  const content = row?.content;
  if (!(content instanceof Uint8Array)) throw new Error(`no content of "${room}" in ${table}`);
  const middle = content.length >> 1;
  content[middle] = (content[middle] ?? 0) ^ 1;
  database.prepare(`UPDATE ${table} SET content = ? WHERE room = ?`).run(content, room);
  database.close();
}
