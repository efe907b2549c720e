import { readdir, readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { OverBudgetError } from "../../src/room/workers/worker-errors.ts";
import { manyItemsUpdate, quadraticUpdate } from "../support/expensive-documents.ts";
import { updateOf } from "../support/made-updates.ts";
import { fieldsOfStat } from "../support/thread-stat.ts";

/** Returns how many threads of this process have a lower priority, which Linux sets per thread. */
async function backgroundThreads(): Promise<number> {
  let count = 0;
  for (const thread of await readdir("/proc/self/task")) {
    const stat = await readFile(`/proc/self/task/${thread}/stat`, "utf8");
    const niceness = Number(fieldsOfStat(stat)[16]);
    if (niceness > getPriority()) count++;
  }
  return count;
}

function newWorkers(heap?: number): UpdateWorkers {
  const workers = new UpdateWorkers(heap);
  onTestFinished(() => workers.close());
  return workers;
}

const doc = new Y.Doc();
doc.getText("text").insert(0, "text");
const update = Y.encodeStateAsUpdate(doc);

it("runs a task that a caller waits for at normal priority", async () => {
  await newWorkers().run("room", "makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(0);
});

it("runs a background task at a lower priority", async () => {
  await newWorkers().runInBackground("room", "makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(1);
});

it("runs background tasks at normal priority once prioritized", async () => {
  const workers = newWorkers();
  workers.prioritize();
  await workers.runInBackground("room", "makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(0);
});

/** Many client ids with one struct each. */
function crowdedUpdate(clients: number): Uint8Array {
  const runs = Array.from({ length: clients }, (_, i) => ({ client: i + 1, from: 0, length: 1 }));
  return updateOf(runs, []);
}

/** Takes Yjs minutes. */
const bomb = quadraticUpdate(30_000);

describe("expensive documents", () => {
  it("fail when over their CPU budget, and immediately if attempted again", async () => {
    const workers = newWorkers();
    await expect(workers.attempt("bomb", "toJson", [bomb])).rejects.toThrow(OverBudgetError);
    const again = performance.now();
    await expect(workers.attempt("bomb", "toJson", [bomb])).rejects.toThrow(OverBudgetError);
    expect(performance.now() - again).toBeLessThan(50);
    await expect(workers.run("bomb", "toJson", [bomb])).rejects.toThrow(/more than \d+ ms of CPU/);
    // Tasks that integrate nothing run as before.
    const base = await workers.attempt("bomb", "makeBase", [bomb, update], "merge");
    expect(base.update.length).toBeGreaterThan(bomb.length);
  });

  it("fail when they use too much memory, without ending the process", async () => {
    const workers = newWorkers(40 * 1024 * 1024);
    const large = manyItemsUpdate(300_000);
    const failed = workers.run("bomb", "makeBase", [large], "collect");
    await expect(failed).rejects.toThrow(OverBudgetError);
    await expect(failed).rejects.toThrow("memory");
    await workers.run("honest", "makeBase", [update], "collect");
  });

  it("are refused if they would need more memory than the workers have", async () => {
    const workers = newWorkers(96 * 1024 * 1024);
    // 100,000 client ids, in 700 KB.
    const crowded = crowdedUpdate(100_000);
    // All threads have started before memory is measured: each takes tens of megabytes of its own.
    const small = crowdedUpdate(6_000);
    await Promise.all([
      workers.run("warm", "makeBase", [small], "collect"),
      workers.run("warm too", "makeBase", [small], "collect"),
      workers.runInBackground("warm in the background", "makeBase", [small], "collect"),
    ]);
    const before = process.memoryUsage.rss();
    let most = 0;
    const looking = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, (_, i) =>
        i % 2 === 0
          ? workers.run(`room ${i}`, "makeBase", [crowded, update], "collect")
          : workers.runInBackground(`room ${i}`, "makeBase", [crowded, update], "collect"),
      ),
    );
    clearInterval(looking);
    expect(results.map((result) => result.status === "rejected" && String(result.reason))).toEqual(
      Array(6).fill(expect.stringContaining("more memory than the workers may use")),
    );
    // One of them would take 120 MB.
    expect(most - before).toBeLessThan(100 * 1024 * 1024);
    expect(workers.waiting).toEqual({ prompt: 0, background: 0, penalty: 0 });
    // A refused task left its worker unchanged.
    await workers.run("room 0", "makeBase", [crowdedUpdate(6_000)], "collect");
  });

  it("wait for memory that other tasks use, then complete", async () => {
    const workers = newWorkers(126 * 1024 * 1024);
    // Each takes 39 MB of the shared workers' 84 MB, or of the penalty pool's 42 MB.
    const crowded = crowdedUpdate(30_000);
    const bases = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        workers.run(`room ${i}`, "makeBase", [crowded, update], "collect"),
      ),
    );
    expect(bases.every(({ update: { length } }) => length > 100_000)).toBe(true);
  });
});

it("cancels the waiting background tasks of an unloaded room", async () => {
  const workers = newWorkers();
  const tasks = Array.from({ length: 6 }, () =>
    workers.runInBackground("gone", "makeBase", [bomb], "collect").catch((error) => String(error)),
  );
  workers.cancelBackground("gone");
  const ends = await Promise.all(tasks.slice(2));
  expect(ends.every((end) => String(end).includes("has been unloaded"))).toBe(true);
});
