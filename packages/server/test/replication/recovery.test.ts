import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { NO_OBSERVER } from "../../src/hooks/server-observer.ts";
import { alone } from "../../src/replication/cluster.ts";
import { ReplicationStats } from "../../src/replication/replication-stats.ts";
import { Replicator } from "../../src/replication/replicator.ts";
import { FanoutScheduler } from "../../src/room/fanout/fanout-scheduler.ts";
import { loadRoom } from "../../src/room/room-loader.ts";
import { RoomStats } from "../../src/room/room-stats.ts";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { PROMPT_PUBLISHING } from "../support/prompt-publishing.ts";
import { simulatedStores, turn } from "./simulated-network.ts";

const logger = pino({ level: "silent" });
const workers = new UpdateWorkers();

let reads: PromiseWithResolvers<void>[];
let replicator: Replicator;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  reads = [];
  replicator = new Replicator("room", alone("127.0.0.1:1"), logger, new ReplicationStats());
  await replicator.join();
  const stats = new RoomStats();
  const { room, fetched } = await loadRoom("room", replicator, simulatedStores(), {
    workers,
    compaction: "collect",
    stats,
    publishing: PROMPT_PUBLISHING,
    scheduler: new FanoutScheduler(stats),
    journal: { slow: false, enqueue: () => {} },
    observer: NO_OBSERVER,
  });
  replicator.start(room, fetched, () => {
    const read = Promise.withResolvers<void>();
    reads.push(read);
    return read.promise;
  });
});

afterEach(async () => {
  await replicator.leave();
  vi.useRealTimers();
});

/**
 * Ticks every second, and fails each read of the stores.
 *
 * @returns the seconds at which reads began
 */
async function failFor(seconds: number): Promise<number[]> {
  const began: number[] = [];
  for (let second = 0; second < seconds; second++) {
    vi.setSystemTime(Date.now() + 1_000);
    const before = reads.length;
    replicator.tick(Date.now());
    if (reads.length > before) began.push(second);
    reads.at(-1)?.reject(new StorageError("down"));
    await turn();
  }
  return began;
}

it("does not read the stores without a reason", async () => {
  expect(await failFor(5)).toEqual([]);
});

it("retries reading the stores, less and less often, until they respond", async () => {
  // The longest pauses that jitter allows.
  vi.spyOn(Math, "random").mockReturnValue(1);
  replicator.recoverSoon();
  expect(await failFor(40)).toEqual([0, 1, 3, 7, 15, 25, 35]);
  vi.setSystemTime(Date.now() + 10_000);
  replicator.tick(Date.now());
  reads.at(-1)?.resolve();
  await turn();
  expect(await failFor(20)).toEqual([]);
});

it("reads the stores again if requested during a read, but never twice concurrently", async () => {
  replicator.recoverSoon();
  replicator.tick(1_000);
  replicator.recoverSoon();
  replicator.tick(2_000);
  expect(reads).toHaveLength(1);
  reads[0]?.resolve();
  await turn();
  replicator.tick(3_000);
  expect(reads).toHaveLength(2);
});
