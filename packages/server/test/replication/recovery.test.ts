import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { alone } from "../../src/replication/alone.ts";
import { Holders } from "../../src/replication/holders.ts";
import { ClusterStats } from "../../src/replication/replication-stats.ts";
import { Flusher } from "../../src/room/flusher.ts";
import { loadDocument } from "../../src/room/open-document.ts";
import { DocumentStats } from "../../src/room/room-stats.ts";
import { UpdateWorkers } from "../../src/room/update-workers.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { SharedStores, turn } from "./simulated-network.ts";

const logger = pino({ level: "silent" });
const workers = new UpdateWorkers();

let reads: PromiseWithResolvers<void>[];
let holders: Holders;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  reads = [];
  holders = new Holders("room", alone("127.0.0.1:1"), logger, new ClusterStats());
  await holders.join();
  const stats = new DocumentStats();
  const { open, fetched } = await loadDocument("room", holders, new SharedStores(), {
    workers,
    compaction: "collect",
    stats,
    flusher: new Flusher(stats),
    journal: { slow: false, enqueue: () => {} },
  });
  holders.start(open.document, fetched, () => {
    const read = Promise.withResolvers<void>();
    reads.push(read);
    return read.promise;
  });
});

afterEach(async () => {
  await holders.leave();
  vi.useRealTimers();
});

/** Ticks each second, and lets each reading of the stores fail. @returns at which seconds it began */
async function failFor(seconds: number): Promise<number[]> {
  const began: number[] = [];
  for (let second = 0; second < seconds; second++) {
    vi.setSystemTime(Date.now() + 1_000);
    const before = reads.length;
    holders.tick(Date.now());
    if (reads.length > before) began.push(second);
    reads.at(-1)?.reject(new StorageError("down"));
    await turn();
  }
  return began;
}

it("does not read the stores without a reason", async () => {
  expect(await failFor(5)).toEqual([]);
});

it("reads the stores again, less and less often, until they answer", async () => {
  holders.recoverSoon();
  expect(await failFor(40)).toEqual([0, 1, 3, 7, 15, 25, 35]);
  vi.setSystemTime(Date.now() + 10_000);
  holders.tick(Date.now());
  reads.at(-1)?.resolve();
  await turn();
  expect(await failFor(20)).toEqual([]);
});

it("reads the stores once more when there is a new reason meanwhile, and not twice at a time", async () => {
  holders.recoverSoon();
  holders.tick(1_000);
  holders.recoverSoon();
  holders.tick(2_000);
  expect(reads).toHaveLength(1);
  reads[0]?.resolve();
  await turn();
  holders.tick(3_000);
  expect(reads).toHaveLength(2);
});
