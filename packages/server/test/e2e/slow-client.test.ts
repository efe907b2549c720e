import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import type * as Y from "yjs";
import { EditingClient } from "../support/editing-client.ts";
import { HEAP_ARGS, liveBytes } from "../support/heap.ts";
import { RawClient } from "../support/raw-client.ts";
import type { RawMessage } from "../support/raw-messages.ts";
import { startServer } from "../support/server-process.ts";
import { bytesUnderWay } from "../support/tcp-queues.ts";
import { waitFor } from "../support/wait-for.ts";

/** Longer than two ping intervals of the server: the client cannot answer pings while not reading. */
const SILENCE_MS = 62_000;
const WRITERS = 3;
/** Random, so that it cannot be deduplicated. */
const VALUE_BYTES = 6_000;
const PAUSE_MS = 15;
/** Keeps writers from running ahead of a slower server. */
const UNACKNOWLEDGED = 10;
/** How much the server's memory may grow: mostly the document and its tail. */
const GROWTH_BYTES = 5_000_000;
/** Bytes in the buffers of the two processes, besides those of the kernel. */
const PROCESS_BUFFER_BYTES = 256 * 1024;

/** The size of a message's content, in bytes. */
function contentOf(message: RawMessage): number {
  return message.type === "update" || message.type === "step2" ? message.update.length : 0;
}

function isSame(one: Y.Doc, other: Y.Doc): boolean {
  return isDeepStrictEqual(one.getMap("map").toJSON(), other.getMap("map").toJSON());
}

it("costs bounded memory while it does not read for a minute, and then catches up quickly", {
  timeout: 150_000,
}, async () => {
  const server = await startServer({
    env: { SNAPSHOT_INTERVAL_MS: "5000" },
    nodeArgs: HEAP_ARGS,
  });
  const writers = Array.from({ length: WRITERS }, () => new EditingClient());
  for (const writer of writers) await writer.connect(server.wsUrl, "room");
  let deliverable = 0;
  const witness = await RawClient.connect(server.wsUrl, "room", {
    keep: false,
    onMessage: (message) => {
      deliverable += contentOf(message);
    },
  });
  witness.sendStep1();
  const slow = await RawClient.connect(server.wsUrl, "room");
  slow.sendStep1();
  await slow.first("step2");

  // Each writer keeps overwriting one value: a lot is written, and little remains.
  const write = async () => {
    writers.forEach((writer, i) => {
      if (writer.clock - writer.acknowledged > UNACKNOWLEDGED) return;
      writer.doc.getMap("map").set(`key-${i}`, randomBytes(VALUE_BYTES).toString("base64"));
    });
    await delay(PAUSE_MS);
  };
  while (slow.messages.length < 300) await write();

  slow.pause();
  const read = slow.messages.length;
  const before = await liveBytes(server);
  deliverable = 0;
  const until = performance.now() + SILENCE_MS;
  while (performance.now() < until) await write();
  const settled = () => writers.every((writer) => writer.acknowledged === writer.clock);
  await waitFor(settled, { message: "all edits are acknowledged" });
  // A server that queued messages for its slow client would hold everything that it could not send.
  expect(deliverable).toBeGreaterThan(20_000_000);
  expect((await liveBytes(server)) - before).toBeLessThan(GROWTH_BYTES);
  expect(slow.isOpen).toBe(true);

  const underWay = await bytesUnderWay(server.port, slow.localPort);
  slow.resume();
  const [writer] = writers;
  if (writer === undefined) throw new Error("there are no writers");
  await waitFor(() => isSame(slow.document(), writer.doc), {
    message: () =>
      `the slow client (${slow.isOpen ? "open" : "closed"}) has caught up; it received ${slow.messages.length - read} messages`,
  });
  expect(slow.isOpen).toBe(true);
  expect(slow.faults).toEqual([]);
  let bytes = 0;
  const caughtUpBy = slow.messages.slice(read).filter((message) => {
    bytes += contentOf(message);
    return bytes > underWay + PROCESS_BUFFER_BYTES;
  });
  expect(bytes, `${underWay} bytes were under way`).toBeLessThan(
    underWay + 2 * PROCESS_BUFFER_BYTES,
  );
  expect(caughtUpBy.length).toBeLessThanOrEqual(5);

  await Promise.all(writers.map((writer) => writer.disconnect()));
  await Promise.all([slow.close(), witness.close()]);
  expect(await server.stop()).toBe(0);
});
