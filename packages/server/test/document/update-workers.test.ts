import { readdir, readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { UpdateWorkers } from "../../src/document/update-workers.ts";
import { OverBudgetError } from "../../src/document/worker-errors.ts";
import { manyItemsUpdate, quadraticUpdate } from "../support/expensive-documents.ts";
import { fieldsOfStat } from "../support/thread-stat.ts";
import { waitFor } from "../support/wait-for.ts";

/** How many threads of this process give way to others; a priority belongs to a thread on Linux. */
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

it("does at once what somebody waits for", async () => {
  await newWorkers().run("room", "makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(0);
});

it("lets what nobody waits for give way", async () => {
  await newWorkers().runInBackground("room", "makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(1);
});

it("lets nothing give way any more when it has to hurry", async () => {
  const workers = newWorkers();
  workers.prioritize();
  await workers.runInBackground("room", "makeBase", [update], "collect");
  expect(await backgroundThreads()).toBe(0);
});

/** Takes Yjs minutes. */
const bomb = quadraticUpdate(30_000);

describe("documents that take too long", () => {
  it("delay no other room, whichever task it has", { timeout: 120_000 }, async () => {
    const workers = newWorkers();
    const order: string[] = [];
    const bombs = Array.from({ length: 10 }, (_, i) => {
      const done = i % 2 === 0 ? "makeBase" : "toJson";
      const task =
        done === "makeBase"
          ? workers.runInBackground(`bomb ${i}`, "makeBase", [bomb], "collect")
          : workers.run(`bomb ${i}`, "toJson", [bomb]);
      return task.catch((error: unknown) => order.push(String(error)));
    });
    const honest = async (room: string) => {
      await workers.runInBackground(room, "makeBase", [update], "collect");
      await workers.run(room, "toJson", [update]);
      order.push(room);
    };
    await honest("before they are ended");
    // By now all have used up their share of the common workers, one after the other.
    await Promise.race([
      ...bombs,
      waitFor(() => workers.stats.demoted === 10, { message: "all bombs are ended" }),
    ]);
    await honest("while they have a worker of their own");
    expect(order).toEqual(["before they are ended", "while they have a worker of their own"]);
    workers.prioritize();
  });

  it("fail when they have used up their budget, and at once for who can do without", async () => {
    const workers = newWorkers();
    await expect(workers.attempt("bomb", "toJson", [bomb])).rejects.toThrow(OverBudgetError);
    const again = performance.now();
    await expect(workers.attempt("bomb", "toJson", [bomb])).rejects.toThrow(OverBudgetError);
    expect(performance.now() - again).toBeLessThan(50);
    await expect(workers.run("bomb", "toJson", [bomb])).rejects.toThrow(/more than \d+ ms of CPU/);
    // What is not integrated is done as before.
    const base = await workers.attempt("bomb", "makeBase", [bomb, update], "merge");
    expect(base.update.length).toBeGreaterThan(bomb.length);
  });

  it("fail when they take too much memory, and leave the process alive", async () => {
    const workers = newWorkers(40 * 1024 * 1024);
    const large = manyItemsUpdate(300_000);
    const failed = workers.run("bomb", "makeBase", [large], "collect");
    await expect(failed).rejects.toThrow(OverBudgetError);
    await expect(failed).rejects.toThrow("memory");
    await workers.run("honest", "makeBase", [update], "collect");
  });
});

it("forgets what waits in the background for a room that is gone", async () => {
  const workers = newWorkers();
  const tasks = Array.from({ length: 6 }, () =>
    workers.runInBackground("gone", "makeBase", [bomb], "collect").catch((error) => String(error)),
  );
  workers.cancelBackground("gone");
  const ends = await Promise.all(tasks.slice(2));
  expect(ends.every((end) => String(end).includes("has left the memory"))).toBe(true);
});
