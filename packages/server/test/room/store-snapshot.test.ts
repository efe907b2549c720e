import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { NO_OBSERVER } from "../../src/hooks/server-observer.ts";
import { alone } from "../../src/replication/cluster.ts";
import { ReplicationStats } from "../../src/replication/replication-stats.ts";
import { Replicator } from "../../src/replication/replicator.ts";
import { FanoutScheduler } from "../../src/room/fanout/fanout-scheduler.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import type { Stores } from "../../src/room/persistence/stored-room.ts";
import type { Room } from "../../src/room/room.ts";
import { loadRoom } from "../../src/room/room-loader.ts";
import { RoomStats, SnapshotStats } from "../../src/room/room-stats.ts";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { PROMPT_PUBLISHING } from "../support/prompt-publishing.ts";
import { withOverrides } from "../support/wrap-part.ts";

const ROOM = "room";
const logger = pino({ level: "silent" });
const workers = new UpdateWorkers();
afterAll(() => workers.close());
let stores: Stores;
/** How many of the next snapshot writes fail. */
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

/** Opens the room on a server where the test decides what is durable. */
async function openDocument(): Promise<Room> {
  const stats = new RoomStats();
  const replicator = new Replicator(ROOM, alone("127.0.0.1:1"), logger, new ReplicationStats());
  await replicator.join();
  const { room } = await loadRoom(ROOM, replicator, stores, {
    workers,
    compaction: "collect",
    stats,
    publishing: PROMPT_PUBLISHING,
    scheduler: new FanoutScheduler(stats),
    journal: { slow: false, enqueue: () => {} },
    observer: NO_OBSERVER,
  });
  return room;
}

function save(room: Room): Promise<number | null> {
  return room.persistence.store({ stores, workers, logger, stats: new SnapshotStats() });
}

/** Reports that the journal has written everything below an offset. */
function commit(room: Room, end: number): void {
  room.committed({ rows: [], end });
}

/** Accepts a word from a client that writes nothing else. */
function write(room: Room, word: string): Uint8Array {
  const update = updateOf(word);
  room.submit(update, UNKNOWN);
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

describe("a snapshot stored by another server", () => {
  /** A room with a durable update to store, and others that are not durable yet. */
  async function lagging(): Promise<Room> {
    const room = await openDocument();
    write(room, "first");
    commit(room, 1);
    write(room, "second");
    write(room, "third");
    await stores.snapshots.write(ROOM, updateOf("other"), null);
    return room;
  }

  it("is preserved by all later saves, whatever is durable by then", async () => {
    const room = await lagging();
    await save(room);
    expect(await storedWords()).toEqual(["first", "other"]);
    commit(room, 2);
    await save(room);
    expect(await storedWords()).toEqual(["first", "other", "second"]);
    commit(room, 3);
    await save(room);
    expect(await storedWords()).toEqual(["first", "other", "second", "third"]);
  });

  it("is preserved when the first attempt to store the merged snapshot fails", async () => {
    const room = await lagging();
    failures = 1;
    await expect(save(room)).rejects.toThrow("the disk is full");
    expect(await storedWords()).toEqual(["other"]);
    await save(room);
    expect(await storedWords()).toEqual(["first", "other"]);
  });
});

describe("another server's journal row whose content is already stored", () => {
  it("is deleted by the next save, and does not keep the document open", async () => {
    const room = await openDocument();
    const update = write(room, "first");
    commit(room, 1);
    await save(room);
    await stores.journal.append([{ room: ROOM, update }]);
    await room.recover(stores);
    expect(room.persistence.isChanged).toBe(true);
    await save(room);
    expect(room.persistence.isChanged).toBe(false);
    expect((await stores.journal.read(ROOM)).rows).toEqual([]);
  });
});

describe("stored data that is not an update in format V1", () => {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "precious");
  const update = Y.encodeStateAsUpdate(doc);
  const odd = [Y.encodeStateAsUpdateV2(doc), Buffer.concat([update, update])];

  it.each(odd)("is not opened, and remains unchanged (%#)", async (content) => {
    await stores.snapshots.write(ROOM, content, null);
    await expect(openDocument()).rejects.toThrow(/is not an update: .* bytes follow/);
    await stores.journal.append([{ room: ROOM, update: updateOf("word") }]);
    await expect(openDocument()).rejects.toThrow(/is not an update: .* bytes follow/);
    expect((await stores.snapshots.read(ROOM))?.update).toEqual(new Uint8Array(content));
  });

  it("is not overwritten by a save if it appears while the room is open", async () => {
    const room = await openDocument();
    write(room, "word");
    room.log.markDurable(room.log.end);
    const [content = update] = odd;
    await stores.snapshots.write(ROOM, content, null);
    await expect(save(room)).rejects.toThrow(/format V2/);
    expect((await stores.snapshots.read(ROOM))?.update).toEqual(content);
  });
});
