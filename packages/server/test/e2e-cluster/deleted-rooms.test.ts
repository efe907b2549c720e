import { beforeAll, expect, it } from "vitest";
import { yWebsocket1 } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(2, { env: { DELETED_ROOM_GRACE_MS: "600000" } });
}, 120_000);

async function closeCode(index: number, room: string): Promise<number> {
  const client = await RawClient.connect(cluster.member(index).process.wsUrl, room);
  return (await client.closed).code;
}

it("keeps a deleted room closed on all servers, including one that was down", async () => {
  const [first, second] = [cluster.member(0), cluster.member(1)];
  const room = "deleted";
  const session = yWebsocket1.open(second.process.wsUrl, room);
  await waitFor(() => session.isSynced, { message: "the session is synced" });
  session.text.insert(0, "to be forgotten");
  await second.process.kill();
  const url = `${first.process.url}/api/rooms/${room}`;
  // Nothing can be deleted while the dead server is still considered alive.
  await waitFor(async () => (await fetch(url, { method: "DELETE" })).status === 204, {
    timeout: 120_000,
    message: "the room is deleted",
  });
  expect(await closeCode(0, room)).toBe(4404);
  const before = session.connections;
  await cluster.restart(second);
  await waitFor(() => session.connections > before + 1, {
    message: "the provider has reconnected",
  });
  expect(await closeCode(1, room)).toBe(4404);
  session.destroy();
  // Through the server that did not delete it.
  const again = `${second.process.url}/api/rooms/${room}/tombstone`;
  expect((await fetch(again, { method: "DELETE" })).status).toBe(204);
  for (const { process } of cluster.members) {
    expect((await readRoom(process.wsUrl, room)).getText("text").toString()).toBe("");
  }
}, 240_000);
