import { expect, it } from "vitest";
import { updateOf } from "../http/api-parts.ts";
import { yWebsocket1, yWebsocket2, yWebsocket30 } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const TEXT = "to be forgotten";

it("keeps a deleted room closed, even after a restart, until its tombstone is removed", async () => {
  let server = await startServer();
  const room = "deleted";
  const path = () => `${server.url}/api/rooms/${room}`;
  const sessions = [yWebsocket1, yWebsocket2, yWebsocket30].map((version) => {
    return version.open(server.wsUrl, room);
  });
  const [writer] = sessions;
  await waitFor(() => sessions.every(({ isSynced }) => isSynced), {
    message: "all sessions are synced",
  });
  writer?.text.insert(0, TEXT);
  await waitFor(() => sessions.every(({ text }) => text.toString() === TEXT), {
    message: "all sessions have the text",
  });
  const before = sessions.map(({ connections }) => connections);
  expect((await fetch(path(), { method: "DELETE" })).status).toBe(204);
  // These providers reconnect whatever the close code.
  await waitFor(() => sessions.every(({ connections }, i) => connections >= (before[i] ?? 0) + 3), {
    message: "all sessions have reconnected several times",
  });
  const isClosed = async () => {
    const visitor = await RawClient.connect(server.wsUrl, room);
    expect((await visitor.closed).code).toBe(4404);
    const update = await fetch(`${path()}/updates`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: Buffer.from(updateOf("back")),
    });
    expect(update.status).toBe(409);
    expect((await fetch(`${path()}/document`)).status).toBe(404);
  };
  await isClosed();
  const { dataDir, port } = server;
  await server.stop();
  server = await startServer({ dataDir, port });
  await isClosed();
  for (const session of sessions) session.destroy();
  expect((await fetch(`${path()}/tombstone`, { method: "DELETE" })).status).toBe(204);
  expect((await readRoom(server.wsUrl, room)).getText("text").toString()).toBe("");
});

it("allows a deleted room to be opened again after the grace period", async () => {
  const server = await startServer({ env: { DELETED_ROOM_GRACE_MS: "1500" } });
  const url = `${server.url}/api/rooms/deleted`;
  expect((await fetch(url, { method: "DELETE" })).status).toBe(204);
  const first = await RawClient.connect(server.wsUrl, "deleted");
  expect((await first.closed).code).toBe(4404);
  await waitFor(
    async () => {
      const client = await RawClient.connect(server.wsUrl, "deleted");
      client.sendStep1();
      const isOpen = await Promise.race([
        client.first("step2").then(() => true),
        client.closed.then(() => false),
      ]);
      await client.close();
      return isOpen;
    },
    { message: "the room can be opened again" },
  );
});
