import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { castOf } from "../support/concurrent-author.ts";
import { type Session13, yWebsocket1, yWebsocket30, yWebsocket31 } from "../support/providers.ts";
import { readRoom } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/test-server.ts";
import {
  applyPatch,
  isWide,
  loadConcurrent,
  loadSequential,
  tracesMissing,
} from "../support/traces.ts";
import { waitFor } from "../support/wait-for.ts";

/** The number of keystrokes in one transaction of the single writer. */
const KEYSTROKES = 12;
/** The writers in these tests type thousands of times faster than people. */
const AT_MACHINE_SPEED = {
  MAX_MESSAGES_PER_SECOND: "1000000",
  MAX_LOOP_MS_PER_SECOND: "1000",
  MAX_LOOP_MS_PER_SECOND_PER_ADDRESS: "1000",
};

const open = new Set<Session13>();

function join(version: typeof yWebsocket31, server: TestServer, room: string): Session13 {
  const session = version.open(server.wsUrl, room);
  open.add(session);
  return session;
}

afterEach(() => {
  for (const session of open) session.destroy();
  open.clear();
});

it("counts positions in code points", () => {
  const text = new Y.Doc().getText();
  const patches = [
    [0, 0, "a🎼c"],
    [2, 0, "b"],
    [1, 1, "🎻🎻"],
    [2, 1, ""],
  ] as const;
  expect(isWide(patches)).toBe(true);
  for (const patch of patches) applyPatch(text, patch, true);
  expect(text.toString()).toBe("a🎻bc");
});

// The recordings are not part of the repository.
describe.skipIf(tracesMissing !== null)(`recorded sessions ${tracesMissing ?? ""}`, () => {
  it("replays two concurrent writers across a restart of the server", async () => {
    const trace = loadConcurrent("friendsforever");
    const options = { env: { SNAPSHOT_INTERVAL_MS: "500", ...AT_MACHINE_SPEED } };
    let server = await startServer(options);
    const sessions = [
      join(yWebsocket31, server, "friends"),
      join(yWebsocket1, server, "friends"),
    ] as const;
    const [first, second] = castOf(trace, ...sessions);

    async function write(until: () => boolean): Promise<void> {
      let progress = 0;
      let since = performance.now();
      while (!until()) {
        first.work(second, 20);
        second.work(first, 20);
        const made = first.made + second.made;
        if (made > progress) {
          progress = made;
          since = performance.now();
          await nextTurn();
        } else if (performance.now() - since > 20_000) {
          throw new Error(
            `no progress: the writers are stuck at ${first.made} and ${second.made} edits`,
          );
        } else {
          // Leaves the CPU to the server while the next words are in flight.
          await delay(1);
        }
      }
    }

    await write(() => first.made + second.made >= trace.txns.length / 2);
    const halfway = server;
    const stopped = halfway.stop();
    let isStopped = false;
    void stopped.finally(() => {
      isStopped = true;
    });
    await write(() => isStopped);
    expect(await stopped).toBe(0);
    server = await startServer({ ...options, port: halfway.port, dataDir: halfway.dataDir });
    await write(() => first.isDone && second.isDone);

    for (const author of [first, second]) {
      await waitFor(() => author.page === trace.endContent, {
        message: "an author has the final content",
      });
    }
    for (const session of sessions) expect(session.text.toString()).toBe(trace.endContent);
    const late = join(yWebsocket30, server, "friends");
    // What is not durable yet follows the sync answer: the server cannot know that it is not the author.
    await waitFor(() => late.isSynced && late.text.toString() === trace.endContent, {
      message: "the late client has the final content",
    });
  }, 200_000);

  it("replays the typing of a paper while another client reads", async () => {
    const { startContent, endContent, patches } = loadSequential("automerge-paper");
    const wide = isWide(patches);
    const options = { env: { SNAPSHOT_INTERVAL_MS: "1000", ...AT_MACHINE_SPEED } };
    const server = await startServer(options);
    const writer = join(yWebsocket31, server, "paper");
    const reader = join(yWebsocket1, server, "paper");
    await waitFor(() => writer.isSynced && reader.isSynced, { message: "both are synced" });
    const text = writer.doc.getText("text");
    text.insert(0, startContent);
    let isWriting = true;
    let readWhileWritten = 0;
    reader.doc.on("update", () => {
      if (isWriting) readWhileWritten++;
    });
    for (let i = 0; i < patches.length; i += KEYSTROKES) {
      writer.doc.transact(() => {
        for (const patch of patches.slice(i, i + KEYSTROKES)) applyPatch(text, patch, wide);
      });
      await nextTurn();
    }
    isWriting = false;
    expect(writer.text.toString()).toBe(endContent);
    await waitFor(() => reader.text.toString() === endContent, {
      message: "the reader has the final content",
    });
    expect(readWhileWritten).toBeGreaterThan(10);
    // In a cluster, another server shows only durable changes.
    await waitFor(
      async () => (await readRoom(server.wsUrl, "paper")).getText("text").toString() === endContent,
      { message: "a late client reads the final content" },
    );
    expect(await server.stop()).toBe(0);
    const again = await startServer({ dataDir: server.dataDir });
    expect((await readRoom(again.wsUrl, "paper")).getText("text").toString()).toBe(endContent);
  }, 200_000);
});
