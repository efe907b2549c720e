import { expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { quadraticUpdate } from "../support/expensive-documents.ts";
import { waitFor } from "../support/wait-for.ts";

const doc = new Y.Doc();
doc.getText("text").insert(0, "text");
const update = Y.encodeStateAsUpdate(doc);
/** Takes Yjs minutes. */
const bomb = quadraticUpdate(30_000);

it("documents that take too long do not delay the tasks of other rooms", async () => {
  const workers = new UpdateWorkers();
  onTestFinished(() => workers.close());
  const order: string[] = [];
  const bombs = Array.from({ length: 6 }, (_, i) => {
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
  await honest("while they share the workers");
  // Wait until all of them have exceeded their share of the shared workers, one after the other.
  await Promise.race([
    ...bombs,
    waitFor(() => workers.stats.demoted === 6, { message: "all bombs have been demoted" }),
  ]);
  await honest("while they have a worker of their own");
  expect(order).toEqual(["while they share the workers", "while they have a worker of their own"]);
  workers.prioritize();
});
