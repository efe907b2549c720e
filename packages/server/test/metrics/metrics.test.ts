import { afterEach, describe, expect, it } from "vitest";
import { Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { UNKNOWN } from "../../src/room/origin.ts";
import type { Stores } from "../../src/room/persistence/stored-room.ts";
import type { Room } from "../../src/room/room.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { waitFor } from "../support/wait-for.ts";
import { withOverrides } from "../support/wrap-part.ts";
import { type Measured, measuredDocuments, RecordingSink } from "./measured-documents.ts";

const NOTHING = Y.encodeStateVector(new Y.Doc());
const ROOM = "room";
const releases: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0)) await release();
});

async function measured(around?: (stores: Stores) => Stores): Promise<Measured> {
  const made = await measuredDocuments(around);
  releases.push(() => made.close());
  return made;
}

/** The updates made by typing a word. */
function typing(word: string): Uint8Array[] {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (const letter of word) doc.getText("text").insert(doc.getText("text").length, letter);
  return updates;
}

const bytesOf = (updates: readonly Uint8Array[]) =>
  updates.reduce((sum, update) => sum + update.length, 0);

async function join(document: Room, clients: number) {
  const sinks = Array.from({ length: clients }, () => new RecordingSink());
  const subscribers = sinks.map((sink) => document.attach(sink));
  for (const reader of subscribers) await document.answer(reader, NOTHING);
  return { sinks, subscribers };
}

describe("GET /metrics", () => {
  it("returns text that Prometheus can read, including process metrics", async () => {
    const { request, scrape } = await measured();
    const response = await request();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const { types, valueAt } = await scrape();
    expect(types.get("symphony_acknowledgement_seconds")).toBe("histogram");
    expect(types.get("nodejs_eventloop_lag_p99_seconds")).toBe("gauge");
    expect(valueAt("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect([...types.keys()].filter((name) => !/^(symphony|process|nodejs)_/.test(name))).toEqual(
      [],
    );
  });

  it("reports the connections", async () => {
    const { gateway, scrape } = await measured();
    gateway.connections.add("a").add("b");
    gateway.stats.opened += 3;
    gateway.stats.bytesIn += 1_000;
    gateway.stats.close(4413);
    gateway.stats.close(1007);
    gateway.stats.close(4413);
    const { valueAt } = await scrape();
    expect(valueAt("symphony_connections")).toBe(2);
    expect(valueAt("symphony_connections_opened_total")).toBe(3);
    expect(valueAt("symphony_client_received_bytes_total")).toBe(1_000);
    expect(valueAt('symphony_connections_closed_total{code="4413"}')).toBe(2);
    expect(valueAt('symphony_connections_closed_total{code="1007"}')).toBe(1);
  });

  it("reports whether the server is ready and whether it is draining", async () => {
    const { health, scrape } = await measured();
    const before = await scrape();
    expect(before.valueAt("symphony_ready")).toBe(1);
    expect(before.valueAt("symphony_draining")).toBe(0);
    expect(before.valueAt("symphony_lease_held")).toBe(1);
    for (const part of ["journal", "snapshots", "bus", "registry"]) {
      expect(before.valueAt(`symphony_part_working{part="${part}"}`)).toBe(1);
    }
    health.accepting = false;
    const draining = await scrape();
    expect(draining.valueAt("symphony_ready")).toBe(0);
    expect(draining.valueAt("symphony_draining")).toBe(1);
  });
});

describe("the metrics of documents", () => {
  it("count what clients send and what each of them receives", async () => {
    const { documents, scrape } = await measured();
    const session = await documents.open(ROOM);
    const { room: document } = session;
    const { sinks, subscribers } = await join(document, 3);
    const [author] = subscribers;
    if (author === undefined) throw new Error("no subscriber has joined");
    const answers = sinks.reduce((sum, sink) => sum + sink.writes.length, 0);
    const updates = typing("hello");
    for (const update of updates) document.submit(update, author.origin);
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    const presence = encodeAwarenessUpdate(awareness, [doc.clientID]);
    awareness.destroy();
    author.awarenessVersion = null;
    document.receiveAwareness(presence, author, Date.now());
    document.showAwareness(author);
    await documents.journal.flush();
    await waitFor(() => sinks.every((sink) => sink.count("update") > 0), {
      message: "every client has received the updates",
    });

    const writes = sinks.reduce((sum, sink) => sum + sink.writes.length, 0) - answers;
    const sent = sinks.reduce((sum, sink) => sum + sink.count("update"), 0);
    const { valueAt } = await scrape();
    expect(valueAt('symphony_updates_received_total{from="clients"}')).toBe(5);
    expect(valueAt('symphony_update_received_bytes_total{from="clients"}')).toBe(bytesOf(updates));
    expect(valueAt('symphony_updates_received_total{from="servers"}')).toBe(0);
    expect(valueAt("symphony_presence_received_total")).toBe(1);
    expect(sinks.map((sink) => sink.count("presence"))).toEqual([0, 1, 1]);
    expect(valueAt("symphony_presence_sent_total")).toBe(2);
    expect(sent).toBeGreaterThanOrEqual(3);
    expect(valueAt("symphony_updates_sent_total")).toBe(sent);
    expect(valueAt("symphony_deliveries_total")).toBe(writes);
    expect(valueAt("symphony_flush_delay_seconds_count")).toBeGreaterThan(0);
    expect(valueAt("symphony_active_rooms")).toBe(1);
    expect(valueAt('symphony_documents{state="open"}')).toBe(1);
    expect(valueAt("symphony_document_bytes")).toBe(document.log.bytes);
  });

  it("count updates from other servers separately", async () => {
    const { documents, scrape } = await measured();
    const session = await documents.open(ROOM);
    const { room: document } = session;
    const [update = NOTHING] = typing("a");
    document.receive(update, Date.now());
    const { valueAt } = await scrape();
    expect(valueAt('symphony_updates_received_total{from="servers"}')).toBe(1);
    expect(valueAt('symphony_update_received_bytes_total{from="servers"}')).toBe(update.length);
    expect(valueAt('symphony_updates_received_total{from="clients"}')).toBe(0);
  });

  it("show that a large room batches updates that closely follow a flush", async () => {
    const { documents, scrape } = await measured();
    const session = await documents.open(ROOM);
    const { room: document } = session;
    await join(document, 125);
    for (const update of typing("ab")) {
      document.submit(update, UNKNOWN);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const gathered = async () => {
      const { valueAt } = await scrape();
      const all = valueAt("symphony_flush_delay_seconds_count");
      return all > valueAt('symphony_flush_delay_seconds_bucket{le="0.005"}');
    };
    await waitFor(gathered, { message: "a flush was delayed by more than 5 ms" });
  });
});

describe("the metrics of the journal", () => {
  it("report the updates that are not durable yet, and their age", async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const { documents, scrape } = await measured(({ journal, snapshots }) => ({
      snapshots,
      journal: withOverrides(journal, {
        append: async (rows) => {
          await opened;
          return journal.append(rows);
        },
      }),
    }));
    const session = await documents.open(ROOM);
    const { room: document } = session;
    const updates = typing("abc");
    for (const update of updates) document.submit(update, UNKNOWN);
    const waiting = await scrape();
    expect(waiting.valueAt("symphony_journal_lag_bytes")).toBe(bytesOf(updates));
    await waitFor(async () => (await scrape()).valueAt("symphony_journal_lag_seconds") > 0.02, {
      message: "the age of the pending updates grows",
    });
    await waitFor(
      async () => (await scrape()).valueAt('symphony_part_working{part="journal"}') === 0,
      {
        message: "the journal is reported as failing",
      },
    );

    open();
    await documents.journal.flush();
    const { valueAt } = await scrape();
    expect(valueAt("symphony_journal_lag_bytes")).toBe(0);
    expect(valueAt("symphony_journal_lag_seconds")).toBe(0);
    expect(valueAt("symphony_journal_batch_updates_count")).toBe(1);
    expect(valueAt("symphony_journal_batch_updates_sum")).toBe(3);
    expect(valueAt("symphony_journal_written_bytes_total")).toBe(bytesOf(updates));
    expect(valueAt("symphony_journal_commit_seconds_count")).toBe(1);
    expect(valueAt("symphony_acknowledgement_seconds_count")).toBe(3);
    expect(valueAt("symphony_acknowledgement_seconds_sum")).toBeGreaterThan(3 * 0.02);
    expect(valueAt('symphony_part_working{part="journal"}')).toBe(1);
  });

  it("time an update from its receipt, however often its commit fails", async () => {
    let failures = 2;
    const { documents, scrape } = await measured(({ journal, snapshots }) => ({
      snapshots,
      journal: withOverrides(journal, {
        append: async (rows) => {
          if (failures-- > 0) throw new StorageError("the disk is full");
          return journal.append(rows);
        },
      }),
    }));
    const session = await documents.open(ROOM);
    const { room: document } = session;
    for (const update of typing("a")) document.submit(update, UNKNOWN);
    await documents.journal.flush();
    const { valueAt } = await scrape();
    expect(valueAt("symphony_journal_failures_total")).toBe(2);
    expect(valueAt("symphony_journal_commit_seconds_count")).toBe(1);
    expect(valueAt("symphony_acknowledgement_seconds_count")).toBe(1);
    // It waits at least 50 ms after the first failure, and 100 ms after the second.
    expect(valueAt('symphony_acknowledgement_seconds_bucket{le="0.1"}')).toBe(0);
    expect(valueAt("symphony_journal_lag_seconds")).toBe(0);
  });
});

describe("the metrics of snapshots", () => {
  it("count the snapshot that is stored when a document is unloaded", async () => {
    const { documents, stores, scrape } = await measured();
    const session = await documents.open(ROOM);
    const { room: document } = session;
    for (const update of typing("hello")) document.submit(update, UNKNOWN);
    session[Symbol.dispose]();
    await waitFor(() => documents.size === 0, { message: "the document is unloaded" });
    const stored = await stores.snapshots.read(ROOM);
    const { valueAt } = await scrape();
    expect(valueAt("symphony_snapshot_seconds_count")).toBe(1);
    expect(valueAt("symphony_snapshot_bytes_total")).toBe(stored?.update.length);
    expect(valueAt("symphony_snapshot_conflicts_total")).toBe(0);
    expect(valueAt("symphony_active_rooms")).toBe(0);
    expect(valueAt('symphony_documents{state="open"}')).toBe(0);
    expect(valueAt("symphony_document_bytes")).toBe(0);
  });

  it("count the conflicts and failures of each attempt", async () => {
    let failures = 1;
    const { documents, stores, scrape } = await measured(({ journal, snapshots }) => ({
      journal,
      snapshots: withOverrides(snapshots, {
        write: async (...args) => {
          if (failures-- > 0) throw new StorageError("no route to the store");
          return snapshots.write(...args);
        },
      }),
    }));
    const session = await documents.open(ROOM);
    const { room: document } = session;
    await stores.snapshots.write(ROOM, typing("b")[0] ?? NOTHING, null);
    for (const update of typing("a")) document.submit(update, UNKNOWN);
    session[Symbol.dispose]();
    await waitFor(() => documents.size === 0, { message: "the document is unloaded" });
    const { valueAt } = await scrape();
    expect(valueAt("symphony_snapshot_failures_total")).toBe(1);
    expect(valueAt("symphony_snapshot_conflicts_total")).toBe(1);
    expect(valueAt("symphony_snapshot_seconds_count")).toBeGreaterThanOrEqual(1);
    expect(valueAt('symphony_part_working{part="snapshots"}')).toBe(1);
  });
});
