import { expect, it } from "vitest";
import { BatchWriter } from "../../src/runtime/batch-writer.ts";
import { waitFor } from "../support/wait-for.ts";

/** A writer whose store fails while `down` is set. */
function writerOf(store: { down: boolean }) {
  const written: number[] = [];
  const failures: unknown[] = [];
  const writer = new BatchWriter<number>({
    delay: 1,
    write: async (items) => {
      if (store.down) throw new Error("down");
      written.push(...items);
    },
    onFailing: (error) => failures.push(error),
  });
  return { writer, written, failures };
}

it("writes pending items on close, even if the last write failed", async () => {
  const store = { down: true };
  const { writer, written, failures } = writerOf(store);
  writer.add(1);
  await waitFor(() => failures.length === 1, { message: "a write has failed" });
  store.down = false;
  expect(await writer.close()).toBe(0);
  expect(written).toEqual([1]);
});

it("reports on close how many items it could not write, after one attempt", async () => {
  const { writer, written } = writerOf({ down: true });
  for (let item = 0; item < 5; item++) writer.add(item);
  expect(await writer.close()).toBe(5);
  expect(written).toEqual([]);
});
