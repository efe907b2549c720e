import { expect, it } from "vitest";
import * as Y from "yjs";
import { EditingClient } from "../support/editing-client.ts";
import { readRoom } from "../support/raw-client.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { startServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const CLIENTS = 20;
const ROOMS = 4;
/** In a cluster, all servers are killed, and restarting takes longer. */
const KILLS = Number(
  process.env.KILLS ?? (process.env.SYMPHONY_TEST_SERVERS === "cluster" ? 3 : 8),
);

function roomOf(client: number): string {
  return `room-${client % ROOMS}`;
}

/**
 * Types as fast as the event loop allows until stopped. A client deletes only what it typed itself, so
 * that every deletion echoed to it is its own.
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

/** Deletions that were echoed to the client but are missing from the document. */
function missingDeletes(doc: Y.Doc, client: EditingClient): unknown[] {
  const { ds } = Y.snapshot(doc);
  const isDeleted = (clock: number) => Y.isDeleted(ds, Y.createID(client.doc.clientID, clock));
  return client.acknowledgedDeletes.filter(
    ([clock, length]) => !isDeleted(clock) || !isDeleted(clock + length - 1),
  );
}

it(`loses no acknowledged edit when it is killed ${KILLS} times`, {
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
    // After a kill, clients also return what others typed, and the server cannot tell whose edits these
    // are, so their echo is no acknowledgement. New edits come only from their author; once they are
    // echoed, everything that the client returned before is durable too.
    for (const client of clients) client.doc.getText("text").insert(0, "again ");
    await waitFor(() => clients.every((client) => client.acknowledged === client.clock), {
      message: () =>
        `the first edit of every client is acknowledged; round ${kill}:\n${server.tail()}`,
    });
    const before = clients.map((client) => client.acknowledged);
    const stop = edit(clients);
    await waitFor(() => clients.every((client, i) => client.acknowledged > (before[i] ?? 0)), {
      message: () =>
        `further edits of every client are acknowledged; round ${kill}:\n${server.tail()}`,
    });
    // The moment of the kill is random: after some number of further echoes.
    const target = clients.reduce((sum, one) => sum + one.acknowledged, 0) + Math.random() * 3_000;
    await waitFor(() => clients.reduce((sum, one) => sum + one.acknowledged, 0) >= target, {
      message: "more edits are acknowledged",
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
  // Otherwise every kill would have happened when there was nothing to lose.
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
