import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { withEachProvider } from "../support/presence-room.ts";
import { RawClient } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

// All clients see all connected clients, even after some move to another server.

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(2);
}, 120_000);

const portOf = (index: number) => cluster.member(index).process.port;

describe("awareness in a cluster", { timeout: 120_000 }, () => {
  it("follows a client that moves directly to another server", async () => {
    await withEachProvider("move", async (room) => {
      for (const index of [0, 1]) await room.join(portOf(index), { name: `onlooker ${index}` });
      const mover = await room.join(portOf(0), { step: -1 });
      for (let step = 0; step < 6; step++) {
        for (let cursor = 0; cursor < 6; cursor++) {
          mover.session.setPresence({ step: -1, cursor });
          await sleep(8);
        }
        mover.proxy.route(portOf(1 - (step % 2)));
        mover.session.disconnect();
        mover.session.setPresence({ step });
        mover.session.connect();
        await waitFor(() => mover.session.isConnected, { message: "the mover has reconnected" });
        await room.seen(mover, "step", step);
      }
    });
  });

  it("follows a client whose old connection to another server stays half open", async () => {
    await withEachProvider("stranded", async (room) => {
      for (const index of [0, 1]) await room.join(portOf(index), { name: `onlooker ${index}` });
      const mover = await room.join(portOf(0), { step: -1 });
      await room.seen(mover, "step", -1);
      for (const step of [0, 1, 2]) {
        mover.proxy.route(portOf(1 - (step % 2)));
        mover.proxy.strand();
        await waitFor(() => !mover.session.isConnected, { message: "the connection is lost" });
        mover.session.setPresence({ step });
        await waitFor(() => mover.session.isConnected, { message: "the mover has reconnected" });
        await room.seen(mover, "step", step);
      }
    });
  });

  it("is complete again for a client that moves after an interruption", async () => {
    await withEachProvider("interrupted", async (room) => {
      const idle = [];
      for (const index of [0, 1])
        idle.push(await room.join(portOf(index), { name: `idle ${index}` }));
      const mover = await room.join(portOf(0), { name: "mover" });
      for (const one of idle) await room.seen(one, "name", `idle ${idle.indexOf(one)}`);
      for (const index of [1, 0]) {
        mover.session.disconnect();
        await waitFor(() => mover.session.presence.size <= 1, {
          message: "the mover has dropped the other clients",
        });
        await sleep(2_000);
        mover.proxy.route(portOf(index));
        mover.session.connect();
        await waitFor(() => mover.session.isConnected, { message: "the mover has reconnected" });
        for (const one of idle) await room.seen(one, "name", `idle ${idle.indexOf(one)}`);
        await room.seen(mover, "name", "mover");
      }
    });
  });

  it("returns a client id to its owner on another server, even if it was claimed in between", async () => {
    await withEachProvider("claimed", async (room) => {
      for (const index of [0, 1]) await room.join(portOf(index), { name: `onlooker ${index}` });
      const owner = await room.join(portOf(0), { name: "owner" });
      await room.seen(owner, "name", "owner");
      const client = owner.session.clientId;
      owner.session.disconnect();
      await room.gone(owner);
      room.people.push(owner);
      const { wsUrl } = cluster.member(1).process;
      const [relay, impostor] = await Promise.all(
        [0, 1].map(() => RawClient.connect(wsUrl, room.name)),
      );
      relay?.sendPresence({ client: 7, clock: 1, state: {} });
      for (const one of [relay, impostor]) {
        one?.sendPresence({ client, clock: 2 ** 31, state: { name: "hostile" } });
        await one?.ping();
      }
      owner.proxy.route(portOf(1));
      owner.session.connect();
      await waitFor(() => owner.session.isConnected, { message: "the owner has reconnected" });
      await room.seen(owner, "name", "owner");
      // Later claims do not change that.
      for (let clock = 2 ** 31; clock < 2 ** 31 + 20; clock++) {
        impostor?.sendPresence({ client, clock, state: { name: "hostile" } });
        await sleep(50);
      }
      expect(await room.seen(owner, "name", "owner")).toBeLessThan(1_000);
      await Promise.all([relay?.close(), impostor?.close()]);
    });
  });

  it("removes a client within a second of its leaving", async () => {
    await withEachProvider("leave", async (room) => {
      for (const index of [0, 1]) await room.join(portOf(index), { name: `onlooker ${index}` });
      for (const index of [0, 1]) {
        const person = await room.join(portOf(index), { name: "guest" });
        await room.seen(person, "name", "guest");
        person.session.vanish();
        await room.gone(person);
      }
    });
  });

  // This test must be the last one, because it kills a server.
  it("is complete again after a server crashes and its clients reconnect to another", async () => {
    await withEachProvider(
      "crash",
      async (room) => {
        for (const index of [0, 0, 1]) {
          const name = `person ${room.people.length}`;
          await room.seen(await room.join(portOf(index), { name }), "name", name);
        }
        for (const { proxy } of room.people) proxy.route(portOf(1));
      },
      async ({ people }) => {
        cluster.member(0).process.signal("SIGKILL");
        for (const { session } of people.slice(0, 2)) {
          await waitFor(() => !session.isConnected, { message: "the connection is lost" });
          session.setPresence({ name: "back" });
        }
      },
      async (room) => {
        const { people } = room;
        for (const { session } of people) {
          await waitFor(() => session.isConnected, { message: "all clients have reconnected" });
        }
        await Promise.all(
          people.map((one, i) => room.seen(one, "name", i === 2 ? "person 2" : "back")),
        );
      },
    );
  });
});
