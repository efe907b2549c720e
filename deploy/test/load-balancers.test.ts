import { freePorts } from "@symphony/services/free-ports";
import { HaProxy } from "@symphony/services/haproxy";
import type { Balance, BalancedServer, LoadBalancer } from "@symphony/services/load-balancer";
import { Nginx } from "@symphony/services/nginx";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { send } from "../../packages/server/test/http/http-parts.ts";
import { RawClient } from "../../packages/server/test/support/raw-client.ts";
import {
  type ServerProcess,
  startServer,
} from "../../packages/server/test/support/server-process.ts";
import { waitFor } from "../../packages/server/test/support/wait-for.ts";
import { exampleVariables, readCompose } from "../compose/test/compose-file.ts";
import { StandIn } from "./stand-in.ts";

const ROOMS = Array.from({ length: 20 }, (_, index) => `folder/room ${index}`);

type Kind = new (servers: readonly BalancedServer[], balance?: Balance) => LoadBalancer;

const COMPOSE = readCompose(exampleVariables());
const ADMIN = "the token of an administrator";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Settings that reveal which server a client reached, plus those of the shipped setup. */
const SETTINGS = {
  LOG_LEVEL: "debug",
  ADMIN_TOKEN: ADMIN,
  TRUSTED_PROXIES: COMPOSE.services["server-a"]?.environment?.TRUSTED_PROXIES ?? "0",
};

/** The index of the server that the next connection to the room reaches. */
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
    { message: `a server has logged the connection to ${room}` },
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

  const startAt = (port: number) => startServer({ port, env: SETTINGS });
  const destination = (room: string) => destinationOf(room, servers, balancer);

  /** The servers to which the rooms lead. */
  async function homes(): Promise<Set<number>> {
    const found = new Set<number>();
    for (const room of ROOMS) found.add(await destination(room));
    return found;
  }

  beforeAll(async () => {
    ports = await freePorts(3);
    balancer = new Kind(ports.map((port, i) => ({ name: `s${i}`, host: "127.0.0.1", port })));
    // It starts before the servers, and must find them by itself.
    await balancer.start();
    servers = await Promise.all(ports.map(startAt));
    await waitFor(async () => (await fetch(`${balancer.url}/health/live`)).ok, {
      message: "one server receives requests",
    });
    await waitFor(async () => (await homes()).size === servers.length, {
      message: "all servers receive connections",
    });
  });
  afterAll(async () => {
    await balancer.stop();
    await Promise.all(servers.map((server) => server.kill()));
  });

  it("sends all clients of a room to the same server", async () => {
    for (const room of ROOMS) {
      const home = await destination(room);
      for (let i = 0; i < 3; i++) expect(await destination(room)).toBe(home);
    }
  });

  it("spreads a room over all servers if configured to", async () => {
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

  it.each([
    "/cluster/v1/state",
    "/%63luster/v1/state",
    "/cluster%2Fv1/state",
    "/./cluster/v1/state",
    "//cluster/v1/state",
    "///.//cluster/v1/state",
    "/%2e/cluster/v1/state",
    "/%2E%2E/cluster/v1/state",
    "/x/../cluster/v1/state",
    "/x/y/%2e%2E/../cluster/v1/state",
    "/x/..//cluster/v1/state",
    "/x%2F..%2Fcluster%2Fv1/state",
  ])("does not forward %s to a server", async (path) => {
    const { port } = new URL(balancer.url);
    for (const method of ["GET", "POST"]) {
      const { status } = await send({ port: Number(port), path }, { method });
      // nginx rejects paths that lead above the root.
      expect([400, 403], `${method} ${path}: ${status}`).toContain(status);
    }
  });

  it("forwards rooms whose names only look similar", async () => {
    for (const room of ["cluster", "my/cluster/x", "clusters/x", "x/cluster"]) {
      await destination(room);
    }
  });

  it("forwards tokens of 32 KB, and documents", async () => {
    const token = "x".repeat(32_000);
    const client = await RawClient.connect(balancer.wsUrl, "long", { query: `?token=${token}` });
    await client.close();
    const offering = await RawClient.connect(balancer.wsUrl, "long", {
      protocols: [`token.${token}`, "app"],
    });
    expect(offering.subprotocol).toBe("app");
    await offering.close();
    const { port } = new URL(balancer.url);
    const answer = await send(
      { port: Number(port), path: "/api/rooms/large/updates" },
      {
        method: "POST",
        headers: { ...bearer(ADMIN), "content-type": "application/octet-stream" },
        body: Buffer.alloc(20_000_000, 0xff),
      },
    );
    // The proxy forwarded it, and the server rejects it.
    expect(answer.status).toBe(400);
  });

  it("locks out a client that tries wrong tokens, whatever address it claims, and no other", async () => {
    const { port } = new URL(balancer.url);
    const statusOf = async (localAddress: string, token: string, claimed: string) => {
      const headers = { ...bearer(token), "x-forwarded-for": claimed };
      const url = { port: Number(port), path: "/api/rooms" };
      return (await send(url, { headers, localAddress })).status;
    };
    // Each server counts by itself, and all requests for one path reach the same server.
    let status = 401;
    let tries = 0;
    for (; status === 401 && tries < 100; tries++) {
      status = await statusOf("127.0.0.2", "wrong", `192.0.2.${tries}`);
    }
    expect(status).toBe(429);
    expect(tries).toBeGreaterThan(10);
    expect(await statusOf("127.0.0.2", ADMIN, "127.0.0.3")).toBe(429);
    expect(await statusOf("127.0.0.3", ADMIN, "127.0.0.2")).toBe(200);
  });

  it("moves the clients of a killed server to another one, and back when it returns", async () => {
    const room = "left alone";
    const home = await destination(room);
    const client = await RawClient.connect(balancer.wsUrl, encodeURIComponent(room));
    await servers[home]?.kill();
    await client.closed;
    expect(await destination(room)).not.toBe(home);
    servers[home] = await startAt(ports[home] ?? 0);
    await waitFor(async () => (await destination(room)) === home, {
      message: "the server receives connections again",
    });
  });
});

describe("HAProxy, when a server freezes", () => {
  it("closes its connections, uses other servers, and returns to it when it resumes", async () => {
    const start = () => startServer({ env: SETTINGS });
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
      message: "the server receives connections again",
    });
  });
});

describe.each<[string, Kind]>([
  ["HAProxy", HaProxy],
  ["nginx", Nginx],
])("%s in front of two servers", (_name, Kind) => {
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

  it("sends no client to a draining server", async () => {
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

  it("reports the client's real address, not the one it claims", async () => {
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
      { message: "the request is logged" },
    );
    expect(log).not.toContain("secret");
  });
});
