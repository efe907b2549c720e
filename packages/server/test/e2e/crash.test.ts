import { expect, it } from "vitest";
import * as Y from "yjs";
import { EditingClient } from "../support/editing-client.ts";
import { readRoom } from "../support/raw-client.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { startServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const CLIENTS = 20;
const ROOMS = 4;
/** In a cluster all servers are killed, and restarting takes longer. */
const KILLS = Number(
  process.env.KILLS ?? (process.env.SYMPHONY_TEST_SERVERS === "cluster" ? 3 : 8),
);

function roomOf(client: number): string {
  return `room-${client % ROOMS}`;
}

/**
 * Types as fast as the event loop allows until stopped. A client deletes only what it typed itself, so
 * any deletion echoed to it is its own.
 */
function edit(clients: readonly EditingClient[]): () => void {
  let running = true;
  const next = () => {
    if (!running) return;
    const client = clients[Math.floor(Math.random() * clients.length)];
    if (client?.isConnected) {
      const text = client.doc.getText("text");
      const at = Math.floor(Math.random() * (text.length + 1));
      text.insert(at, "some words ");
      if (Math.random() < 0.9) text.delete(at, 10);
    }
    setImmediate(next);
  };
  next();
  return () => {
    running = false;
  };
}

/** Deletions that were echoed to a client but are missing from the document. */
function missingDeletes(doc: Y.Doc, client: EditingClient): unknown[] {
  const { ds } = Y.snapshot(doc);
  const isDeleted = (clock: number) => Y.isDeleted(ds, Y.createID(client.doc.clientID, clock));
  return client.acknowledgedDeletes.filter(
    ([clock, length]) => !isDeleted(clock) || !isDeleted(clock + length - 1),
  );
}

it(`loses nothing that was sent back when it is killed ${KILLS} times`, {
  timeout: 400_000,
}, async () => {
  const dataDir = await temporaryDirectory();
  // Short, so that kills also hit snapshots and the deletion of journal rows.
  const options = { dataDir, env: { SNAPSHOT_INTERVAL_MS: "50" } };
  const clients = Array.from({ length: CLIENTS }, () => new EditingClient());
  let server = await startServer(options);
  let unacknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const { wsUrl } = server;
    await Promise.all(clients.map((client, i) => client.connect(wsUrl, roomOf(i))));
    // After a kill, clients also return what others typed, and the server cannot tell whose it is, so
    // an echo is no acknowledgement then. New typing comes only from its typist; once it is echoed,
    // everything that the client had returned before is durable too.
    for (const client of clients) client.doc.getText("text").insert(0, "again ");
    await waitFor(() => clients.every((client) => client.acknowledged === client.clock), {
      message: () => `every client is sent back its first words; round ${kill}:\n${server.tail()}`,
    });
    const before = clients.map((client) => client.acknowledged);
    const stop = edit(clients);
    await waitFor(() => clients.every((client, i) => client.acknowledged > (before[i] ?? 0)), {
      message: () => `every client is sent something back; round ${kill}:\n${server.tail()}`,
    });
    // The moment is random: some number of further echoes.
    const target = clients.reduce((sum, one) => sum + one.acknowledged, 0) + Math.random() * 3_000;
    await waitFor(() => clients.reduce((sum, one) => sum + one.acknowledged, 0) >= target, {
      message: "more is sent back",
    });
    await server.kill();
    stop();
    await Promise.all(clients.map((client) => client.disconnected()));
    server = await startServer(options);
    for (let room = 0; room < ROOMS; room++) {
      const doc = await readRoom(server.wsUrl, `room-${room}`);
      for (let i = room; i < CLIENTS; i += ROOMS) {
        const client = clients[i];
        if (client === undefined) continue;
        const stored = Y.getState(doc.store, client.doc.clientID);
        expect(stored).toBeGreaterThanOrEqual(client.acknowledged);
        unacknowledged += client.clock - client.acknowledged;
        expect(missingDeletes(doc, client)).toEqual([]);
      }
    }
  }
  // Otherwise the kills would have happened when there was nothing to lose.
  expect(unacknowledged).toBeGreaterThan(0);
  const { wsUrl } = server;
  await Promise.all(clients.map((client, i) => client.connect(wsUrl, roomOf(i))));
  for (let room = 0; room < ROOMS; room++) {
    const members = clients.filter((_, i) => i % ROOMS === room);
    const text = (client?: EditingClient) => client?.doc.getText("text").toString();
    await waitFor(() => members.every((client) => text(client) === text(members[0])), {
      message: `the clients of room ${room} converge`,
    });
    const late = await readRoom(wsUrl, `room-${room}`);
    expect(late.getText("text").toString()).toBe(text(members[0]));
  }
  await Promise.all(clients.map((client) => client.disconnect()));
  expect(await server.stop()).toBe(0);
});
