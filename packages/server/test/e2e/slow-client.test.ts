import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { EditingClient } from "../support/editing-client.ts";
import { RawClient } from "../support/raw-client.ts";
import { startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SILENCE_MS = 60_000;

it("costs bounded memory not to read for a minute, and one can read again", {
  timeout: 120_000,
}, async () => {
  const server = await startServer({ env: { SNAPSHOT_INTERVAL_MS: "5000" } });
  const writer = new EditingClient();
  await writer.connect(server.wsUrl, "room");
  const slow = await RawClient.connect(server.wsUrl, "room");
  slow.sendStep1();
  await slow.first("step2");
  const map = writer.doc.getMap("map");
  const write = async () => {
    // Random, so that nothing is saved by its being the same; one key, so that little remains.
    map.set("key", randomBytes(6_000).toString("base64"));
    await waitFor(() => writer.acknowledged === writer.clock, { message: "it is sent back" });
  };
  for (let i = 0; i < 500; i++) await write();
  await waitFor(() => slow.messages.length > 400, { message: "the slow client reads at first" });
  slow.pause();
  const before = await server.residentBytes();
  const until = performance.now() + SILENCE_MS;
  let written = 0;
  let most = before;
  while (performance.now() < until) {
    await write();
    if (++written % 100 === 0) most = Math.max(most, await server.residentBytes());
  }
  // What a server that queues for it would hold: every update.
  const deliverable = written * 8_000;
  expect(deliverable).toBeGreaterThan(20_000_000);
  expect(most - before).toBeLessThan(Math.min(deliverable / 2, 60_000_000));
  expect(slow.isOpen).toBe(true);
  const read = slow.messages.length;
  slow.resume();
  await waitFor(() => slow.document().getMap("map").get("key") === map.get("key"), {
    timeout: 20_000,
    message: () => `the slow client converges after ${slow.messages.length - read} messages`,
  });
  // Besides what lay in the buffers of the kernel when it stopped: a few, not one for each update.
  const bytes = slow.messages
    .slice(read)
    .reduce((sum, one) => sum + (one.type === "update" ? one.update.length : 0), 0);
  expect(bytes).toBeLessThan(deliverable / 2);
  expect(slow.faults).toEqual([]);
  expect(Y.encodeStateVector(slow.document())).toEqual(Y.encodeStateVector(writer.doc));
  await writer.disconnect();
  await slow.close();
  expect(await server.stop()).toBe(0);
});
