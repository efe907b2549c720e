import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { alone } from "../../src/replication/alone.ts";
import { ReplicationStats } from "../../src/replication/replication-stats.ts";
import { Replicator } from "../../src/replication/replicator.ts";
import { FanoutScheduler } from "../../src/room/fanout-scheduler.ts";
import {
  isChanged,
  loadDocument,
  type OpenDocument,
  recoverDocument,
  type Stores,
  storeSnapshot,
} from "../../src/room/open-document.ts";
import { DocumentStats, SnapshotStats } from "../../src/room/room-stats.ts";
import { UpdateWorkers } from "../../src/room/update-workers.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { withOverrides } from "../support/wrap-part.ts";

const ROOM = "room";
const logger = pino({ level: "silent" });
const workers = new UpdateWorkers();
afterAll(() => workers.close());
let stores: Stores;
/** How often the next writes of a snapshot fail. */
let failures: number;

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), "symphony-snapshot-"));
  const store = await openSqliteStore(directory, logger);
  onTestFinished(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  const { journal, snapshots } = store;
  failures = 0;
  stores = {
    journal,
    snapshots: withOverrides(snapshots, {
      write: async (...args) => {
        if (failures > 0 && (await snapshots.read(ROOM))?.version === args[2]) {
          failures--;
          throw new StorageError("the disk is full");
        }
        return await snapshots.write(...args);
      },
    }),
  };
});

/** A server whose journal makes durable what the test says. */
async function openDocument(): Promise<OpenDocument> {
  const stats = new DocumentStats();
  const replicator = new Replicator(ROOM, alone("127.0.0.1:1"), logger, new ReplicationStats());
  await replicator.join();
  const { open } = await loadDocument(ROOM, replicator, stores, {
    workers,
    compaction: "collect",
    stats,
    scheduler: new FanoutScheduler(stats),
    journal: { slow: false, enqueue: () => {} },
  });
  return open;
}

function save(open: OpenDocument): Promise<number | null> {
  return storeSnapshot(open, stores, workers, { logger, stats: new SnapshotStats() });
}

/** Takes a word that somebody wrote who types nothing else. */
function write(open: OpenDocument, word: string): Uint8Array {
  const update = updateOf(word);
  open.document.append(update, null, Date.now());
  return update;
}

function updateOf(word: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getMap("words").set(word, true);
  return Y.encodeStateAsUpdate(doc);
}

async function storedWords(): Promise<string[]> {
  const doc = new Y.Doc();
  const stored = await stores.snapshots.read(ROOM);
  if (stored !== null) Y.applyUpdate(doc, stored.update);
  return [...doc.getMap("words").keys()].sort();
}

describe("a snapshot that another server has stored meanwhile", () => {
  /** A server that has something durable to store, and something that is not durable yet. */
  async function lagging(): Promise<OpenDocument> {
    const open = await openDocument();
    write(open, "first");
    open.document.markDurable(1);
    write(open, "second");
    write(open, "third");
    await stores.snapshots.write(ROOM, updateOf("other"), null);
    return open;
  }

  it("is kept by all that follow, whatever is durable by then", async () => {
    const open = await lagging();
    await save(open);
    expect(await storedWords()).toEqual(["first", "other"]);
    open.document.markDurable(2);
    await save(open);
    expect(await storedWords()).toEqual(["first", "other", "second"]);
    open.document.markDurable(3);
    await save(open);
    expect(await storedWords()).toEqual(["first", "other", "second", "third"]);
  });

  it("is kept when the merged one could not be stored the first time", async () => {
    const open = await lagging();
    failures = 1;
    await expect(save(open)).rejects.toThrow("the disk is full");
    expect(await storedWords()).toEqual(["other"]);
    await save(open);
    expect(await storedWords()).toEqual(["first", "other"]);
  });
});

describe("a journal row of another server, found when its content is stored already", () => {
  it("is forgotten, and does not keep the document open", async () => {
    const open = await openDocument();
    const update = write(open, "first");
    open.document.markDurable(1);
    await save(open);
    await stores.journal.append([{ room: ROOM, update }]);
    await recoverDocument(open, stores);
    expect(isChanged(open)).toBe(true);
    await save(open);
    expect(isChanged(open)).toBe(false);
    expect((await stores.journal.read(ROOM)).rows).toEqual([]);
  });
});

describe("what is stored and is no update of the format V1", () => {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "precious");
  const update = Y.encodeStateAsUpdate(doc);
  const odd = [Y.encodeStateAsUpdateV2(doc), Buffer.concat([update, update])];

  it.each(odd)("is not opened, and stays as it is (%#)", async (content) => {
    await stores.snapshots.write(ROOM, content, null);
    await expect(openDocument()).rejects.toThrow(/is not an update: .* bytes follow/);
    await stores.journal.append([{ room: ROOM, update: updateOf("word") }]);
    await expect(openDocument()).rejects.toThrow(/is not an update: .* bytes follow/);
    expect((await stores.snapshots.read(ROOM))?.update).toEqual(new Uint8Array(content));
  });

  it("is not replaced by a snapshot when somebody puts it there meanwhile", async () => {
    const open = await openDocument();
    write(open, "word");
    open.document.log.markDurable(open.document.log.end);
    const [content = update] = odd;
    await stores.snapshots.write(ROOM, content, null);
    await expect(save(open)).rejects.toThrow(/format V2/);
    expect((await stores.snapshots.read(ROOM))?.update).toEqual(content);
  });
});
