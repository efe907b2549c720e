import { pino } from "pino";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { HookStats } from "../../src/hooks/hook-stats.ts";
import { type InitialContentOptions, initialContent } from "../../src/hooks/initial-content.ts";
import { inspectUpdate } from "../../src/protocol/update.ts";
import { StorageError } from "../../src/storage/errors.ts";

const options = (part: Pick<InitialContentOptions, "load"> & Partial<InitialContentOptions>) => ({
  inspect: async (update: Uint8Array) => inspectUpdate(update),
  maxDocumentBytes: 100,
  stats: new HookStats(),
  logger: pino({ level: "silent" }),
  ...part,
});

it("is null if the application returns an update without content", async () => {
  const load = () => Y.encodeStateAsUpdate(new Y.Doc());
  expect(await initialContent("room", options({ load }))).toBe(null);
});

it("is rejected unless it is exactly one update in format V1", async () => {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "content");
  const update = Y.encodeStateAsUpdate(doc);
  for (const content of [Y.encodeStateAsUpdateV2(doc), Buffer.concat([update, update])]) {
    await expect(initialContent("room", options({ load: () => content }))).rejects.toMatchObject({
      cause: { message: expect.stringContaining("bytes follow") },
    });
  }
});

it("is rejected if it takes too long to load or is too large", async () => {
  const hanging = options({ load: () => new Promise(() => {}), loadMs: 20 });
  await expect(initialContent("room", hanging)).rejects.toThrow(StorageError);
  expect([hanging.stats.calls.get("load"), hanging.stats.failures.get("load")]).toEqual([1, 1]);
  const large = options({ load: () => new Uint8Array(101) });
  await expect(initialContent("room", large)).rejects.toMatchObject({
    cause: { message: "load returned 101 bytes; the maximum is 100" },
  });
});
