import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { Bystanders } from "../support/bystanders.ts";
import { HEAP_ARGS, liveBytes } from "../support/heap.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const ROOMS = 10_000;
const AT_ONCE = 100;
/** One visitor in this many writes something, and stays until the write is durable. */
const WRITING = 4;
/** How much memory the second 10,000 rooms may leave behind: less than a small map entry per room. */
const LEFT_BEHIND_BYTES = 384 * 1024;
/** The limit for all threads and non-heap memory, which the system releases at its own pace. */
const GROWTH_BYTES = 64 * 1024 * 1024;

let server: ServerProcess;
let bystanders: Bystanders;

beforeAll(async () => {
  server = await startServer({ nodeArgs: HEAP_ARGS, env: { UNLOAD_DELAY_MS: "20" } });
  bystanders = await Bystanders.join(server);
});

afterAll(() => bystanders.leave());

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

it(`keeps no memory for ${ROOMS} rooms that all clients have left`, {
  timeout: 240_000,
}, async () => {
  // The first rooms also fill one-time structures: compiled code, store caches, pools.
  await visitRooms("first");
  const before = await settledBytes();
  const residentBefore = await server.residentBytes();
  await visitRooms("second");
  let live = 0;
  await waitFor(
    async () => {
      live = await liveBytes(server);
      return live < before + LEFT_BEHIND_BYTES;
    },
    { message: () => `the memory of the rooms is freed; ${live - before} bytes are left behind` },
  );
  const resident = await server.residentBytes();
  expect(resident - residentBefore).toBeLessThan(GROWTH_BYTES);
  await bystanders.check();
  expect(server.logs.filter((line) => line.level >= 50)).toEqual([]);
});

async function visitRooms(prefix: string): Promise<void> {
  const update = updateOf("a few words");
  let next = 0;
  const visit = async () => {
    while (next < ROOMS) {
      const number = next++;
      await visitRoom(`${prefix}-${number}`, number % WRITING === 0 ? update : null);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
}

async function visitRoom(room: string, update: Uint8Array | null): Promise<void> {
  const client = await RawClient.connect(server.wsUrl, room);
  client.sendStep1();
  if (update !== null) {
    client.sendUpdate(update);
    await client.first("update");
  } else {
    await client.first("step2");
  }
  expect((await client.close()).code).toBe(1000);
}

/** Memory in use, once it has stopped shrinking. */
async function settledBytes(): Promise<number> {
  let least = await liveBytes(server);
  let since = performance.now();
  await waitFor(
    async () => {
      const now = await liveBytes(server);
      if (now < least - LEFT_BEHIND_BYTES / 4) {
        least = now;
        since = performance.now();
      }
      return performance.now() - since > 2_000;
    },
    { message: "the rooms are unloaded" },
  );
  return least;
}
