import { freePorts } from "@symphony/services/free-ports";
import { HaProxy } from "@symphony/services/haproxy";
import type { Balance, BalancedServer, LoadBalancer } from "@symphony/services/load-balancer";
import { Nginx } from "@symphony/services/nginx";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { RawClient } from "../../packages/server/test/support/raw-client.ts";
import {
  type ServerProcess,
  startServer,
} from "../../packages/server/test/support/server-process.ts";
import { waitFor } from "../../packages/server/test/support/wait-for.ts";
import { StandIn } from "./stand-in.ts";

const ROOMS = Array.from({ length: 20 }, (_, index) => `folder/room ${index}`);

type Kind = new (servers: readonly BalancedServer[], balance?: Balance) => LoadBalancer;

/** What tells which server a client came to. */
const LOGGING = { LOG_LEVEL: "debug" };

/** The index of the server to which the next connection to the room comes. */
async function destinationOf(
  room: string,
  servers: readonly ServerProcess[],
  balancer: LoadBalancer,
): Promise<number> {
  const count = () =>
    servers.map(({ logs }) => logs.filter((l) => l.msg === "connected" && l.room === room).length);
  const before = count();
  const client = await RawClient.connect(balancer.wsUrl, encodeURIComponent(room));
  const at = await waitFor(
    () => {
      const index = count().findIndex((now, i) => now > (before[i] ?? 0));
      return index < 0 ? null : index;
    },
    { message: `a connection to ${room}` },
  );
  await client.close();
  return at;
}

describe.each<[string, Kind]>([
  ["HAProxy", HaProxy],
  ["nginx", Nginx],
])("%s", (_name, Kind) => {
  let ports: readonly number[];
  let servers: ServerProcess[];
  let balancer: LoadBalancer;

  const startAt = (port: number) => startServer({ port, env: LOGGING });
  const destination = (room: string) => destinationOf(room, servers, balancer);

  /** The servers to which the rooms come. */
  async function homes(): Promise<Set<number>> {
    const found = new Set<number>();
    for (const room of ROOMS) found.add(await destination(room));
    return found;
  }

  beforeAll(async () => {
    ports = await freePorts(3);
    balancer = new Kind(ports.map((port, i) => ({ name: `s${i}`, host: "127.0.0.1", port })));
    // Before the servers: they must be found by themselves.
    await balancer.start();
    servers = await Promise.all(ports.map(startAt));
    await waitFor(async () => (await fetch(`${balancer.url}/health/live`)).ok, {
      message: "one server is in use",
    });
    await waitFor(async () => (await homes()).size === servers.length, {
      message: "all servers are in use",
    });
  });
  afterAll(async () => {
    await balancer.stop();
    await Promise.all(servers.map((server) => server.kill()));
  });

  it("brings everybody in a room to the same server", async () => {
    for (const room of ROOMS) {
      const home = await destination(room);
      for (let i = 0; i < 3; i++) expect(await destination(room)).toBe(home);
    }
  });

  it("spreads a room over all servers when told to", async () => {
    const spread = new Kind(
      ports.map((port, i) => ({ name: `s${i}`, host: "127.0.0.1", port })),
      "round-robin",
    );
    onTestFinished(() => spread.stop());
    await spread.start();
    const used = new Set<number>();
    for (let i = 0; i < 6; i++) used.add(await destinationOf("shared", servers, spread));
    expect(used.size).toBe(3);
  });

  it.each(["/cluster/v1/state", "/%63luster/v1/state", "/cluster%2Fv1/state"])(
    "does not let clients say %s to a server",
    async (path) => {
      for (const method of ["GET", "POST"]) {
        expect((await fetch(`${balancer.url}${path}`, { method })).status).toBe(403);
      }
      await expect(RawClient.connect(balancer.wsUrl, path.slice(1))).rejects.toThrow("403");
    },
  );

  it("brings clients of a killed server to another one, and back when it returns", async () => {
    const room = "left alone";
    const home = await destination(room);
    const client = await RawClient.connect(balancer.wsUrl, encodeURIComponent(room));
    await servers[home]?.kill();
    await client.closed;
    expect(await destination(room)).not.toBe(home);
    servers[home] = await startAt(ports[home] ?? 0);
    await waitFor(async () => (await destination(room)) === home, { message: "it is used again" });
  });
});

describe("HAProxy, when a server freezes", () => {
  it("closes its connections, uses others, and comes back to it", async () => {
    const start = () => startServer({ env: LOGGING });
    const servers = [await start(), await start()];
    const balancer = new HaProxy(
      servers.map(({ port }, i) => ({ name: `s${i}`, host: "127.0.0.1", port })),
    );
    onTestFinished(async () => {
      await balancer.stop();
      await Promise.all(servers.map((server) => server.kill()));
    });
    await balancer.start();
    const home = await destinationOf("room", servers, balancer);
    const client = await RawClient.connect(balancer.wsUrl, "room");
    servers[home]?.signal("SIGSTOP");
    await client.closed;
    expect(await destinationOf("room", servers, balancer)).toBe(1 - home);
    servers[home]?.signal("SIGCONT");
    await waitFor(async () => (await destinationOf("room", servers, balancer)) === home, {
      message: "it is used again",
    });
  });
});

describe.each<[string, Kind]>([
  ["HAProxy", HaProxy],
  ["nginx", Nginx],
])("%s, in front of two servers", (_name, Kind) => {
  let servers: StandIn[];
  let balancer: LoadBalancer;

  beforeAll(async () => {
    servers = [await StandIn.start(), await StandIn.start()];
    balancer = new Kind(servers.map((server, i) => server.balanced(`s${i}`)));
    await balancer.start();
  });
  afterEach(() => {
    for (const server of servers) {
      server.draining = false;
      server.requests.length = 0;
    }
  });
  afterAll(async () => {
    await balancer.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it("lets no client meet the one that drains", async () => {
    const [draining, other] = servers;
    if (draining !== undefined) draining.draining = true;
    const answers = await Promise.all(ROOMS.map((room) => fetch(`${balancer.url}/${room}`)));
    expect(answers.map(({ status }) => status)).toEqual(ROOMS.map(() => 200));
    const clients = await Promise.all(
      ROOMS.map((room) => RawClient.connect(balancer.wsUrl, encodeURIComponent(room))),
    );
    expect(other?.requests).toHaveLength(2 * ROOMS.length);
    for (const client of clients) client.terminate();
  });

  it("says where clients come from, and not what they claim", async () => {
    await fetch(`${balancer.url}/room?token=secret`, {
      headers: { "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https" },
    });
    const request = servers.flatMap(({ requests }) => requests)[0];
    expect(request?.headers).toMatchObject({
      host: new URL(balancer.url).host,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
    });
    expect(request?.url).toBe("/room?token=secret");
    const log = await waitFor(
      async () => {
        const text = await balancer.log();
        return text.includes("GET /room") ? text : null;
      },
      { message: "the request in the log" },
    );
    expect(log).not.toContain("secret");
  });
});
