import { redisCli } from "@symphony/services/redis-cli";
import { RedisCluster } from "@symphony/services/redis-cluster";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BusRecorder } from "../../src/conformance/bus-recorder.ts";
import type { Bus } from "../../src/replication/bus.ts";
import { keySlot } from "../../src/replication/redis/key-slot.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";
import { RefusedError } from "../../src/replication/redis/transport.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscriptionsAt } from "./redis-channels.ts";
import { LogRecorder } from "./redis-log.ts";
import { useBusInChild } from "./redis-run-child.ts";

/** Enough rooms for every master to own some. */
const ROOMS = Array.from({ length: 60 }, (_, i) => `room ${i}`);
const TAKEOVER_MS = 30_000;
const SEND_MS = 20;

describe("the bus on a Redis Cluster", () => {
  const cluster = new RedisCluster();
  let opened: Bus[] = [];
  let started: Traffic | undefined;

  beforeAll(() => cluster.start());
  afterAll(() => cluster.stop());
  afterEach(async () => {
    started?.stop();
    cluster.resume();
    await Promise.all(opened.map((bus) => bus.close()));
    opened = [];
    await cluster.start();
  });

  async function open(urls: readonly string[] = cluster.urls): Promise<Bus> {
    const bus = await openRedisBus(urls, new LogRecorder().logger);
    opened.push(bus);
    await waitFor(() => bus.problem === undefined, {
      message: () => `the bus works (problem: ${bus.problem})`,
    });
    return bus;
  }

  /** Publishes continuously in all rooms, from one server to another. */
  async function traffic(): Promise<Traffic> {
    const [from, to] = await Promise.all([open(), open()]);
    return new Traffic(
      await Promise.all(ROOMS.map((room) => BusRecorder.on(from, room))),
      await Promise.all(ROOMS.map((room) => BusRecorder.on(to, room))),
    );
  }

  it.each([
    ["a master is killed", () => cluster.killMaster()],
    ["a master is frozen", () => cluster.pauseMaster()],
    ["a replica takes over as planned", () => cluster.failover()],
    ["slots move to another master", () => cluster.moveSlots(2_000)],
  ])("keeps delivering in all rooms when %s, and reports possible losses", async (_, fault) => {
    const rooms = await traffic();
    started = rooms;
    await rooms.flow();
    await fault();
    await waitFor(() => rooms.disturbed > 0, {
      timeout: TAKEOVER_MS,
      message: "the fault has been noticed",
    });
    await rooms.flow();
    rooms.stop();
    await waitFor(() => rooms.untold().length === 0, {
      message: () => `all losses have been reported (missing: ${rooms.untold().join()})`,
    });
    // Each bus is subscribed to every room at one server only.
    cluster.resume();
    await cluster.start();
    await waitFor(
      async () => {
        const counts = await subscriptionsAt(cluster.ports, { sharded: true });
        return ROOMS.every((room) => counts.get(room) === 2);
      },
      { message: "each bus has one subscription per room" },
    );
  });

  it("computes the same slot for a channel as Redis does", async () => {
    const names = [
      "a",
      "symphony:room:a",
      "café 😀",
      "x{a}y",
      "{}a",
      "a{b",
      "a}b{c}d",
      "{{a}}",
      "{a}{b}",
    ];
    for (const name of names) {
      const slot = await redisCli(cluster.ports[0] ?? 0, "CLUSTER", "KEYSLOT", name);
      expect([name, keySlot(name)]).toEqual([name, Number(slot)]);
    }
  });

  it("finds the cluster when some of the given servers are down", async () => {
    const bus = await open(["redis://127.0.0.1:1", ...cluster.urls.slice(0, 1)]);
    const listener = await BusRecorder.on(bus, "room");
    listener.send("hello");
    await listener.receives("hello");
  });

  it("uses the credentials of the first URL for all servers", async () => {
    await Promise.all(cluster.ports.map((port) => setPassword(port, "", "s3cret")));
    try {
      const [, ...others] = cluster.urls;
      const url = `redis://:s3cret@127.0.0.1:${cluster.ports[0]}`;
      const bus = await open([url, ...others.map((other) => other.replace("//", "//:s3cret@"))]);
      const listeners = await Promise.all(ROOMS.map((room) => BusRecorder.on(bus, room)));
      for (const listener of listeners) listener.send("hello");
      await Promise.all(listeners.map((listener) => listener.receives("hello")));
      await expect(openRedisBus(cluster.urls, new LogRecorder().logger)).rejects.toThrow(
        RefusedError,
      );
    } finally {
      await Promise.all(cluster.ports.map((port) => setPassword(port, "s3cret", "")));
    }
  });

  it("starts without the cluster, and logs that once", async () => {
    const log = new LogRecorder();
    const bus = await openRedisBus(["redis://127.0.0.1:1", "redis://127.0.0.1:2"], log.logger);
    opened.push(bus);
    expect(bus.problem).toContain("ECONNREFUSED");
    await BusRecorder.on(bus, "room");
    expect(log.lines.map(({ msg }) => msg)).toEqual([
      "no server of the Redis Cluster is responding",
    ]);
  });

  it("leaves no timer or socket behind", async () => {
    expect(await useBusInChild(cluster.urls)).toBe("works");
  });
});

/** Numbered messages in each room, and which of them were received. */
class Traffic {
  readonly #senders: readonly BusRecorder[];
  readonly #receivers: readonly BusRecorder[];
  readonly #timer: NodeJS.Timeout;
  #number = 0;

  constructor(senders: readonly BusRecorder[], receivers: readonly BusRecorder[]) {
    this.#senders = senders;
    this.#receivers = receivers;
    this.#timer = setInterval(() => {
      this.#number++;
      for (const sender of senders) sender.send(String(this.#number));
    }, SEND_MS);
  }

  /** Resolves when a message sent from now on has arrived in each room. */
  async flow(): Promise<void> {
    const next = this.#number + 1;
    await waitFor(() => this.#receivers.every(({ texts }) => Number(texts.at(-1) ?? 0) >= next), {
      timeout: TAKEOVER_MS,
      message: "messages arrive in all rooms",
    });
  }

  /** The number of rooms in which a listener was notified of an interruption. */
  get disturbed(): number {
    return this.#receivers.filter((_, i) => this.#isTold(i)).length;
  }

  /** Returns the rooms in which messages are missing, but no listener was notified. */
  untold(): string[] {
    return ROOMS.filter((_, i) => {
      const numbers = this.#receivers[i]?.texts.map(Number) ?? [];
      const isWhole = numbers.every(
        (number, at) => at === 0 || number === (numbers[at - 1] ?? 0) + 1,
      );
      return !isWhole && !this.#isTold(i);
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #isTold(index: number): boolean {
    const both = [this.#senders[index], this.#receivers[index]];
    return both.some((recorder) => (recorder?.interruptions ?? 0) > 0);
  }
}

/** Sets the password of a cluster server and for its replication. An empty one means none. */
async function setPassword(port: number, before: string, after: string): Promise<void> {
  const access = before === "" ? [] : ["--no-auth-warning", "-a", before];
  await redisCli(port, ...access, "CONFIG", "SET", "masterauth", after, "requirepass", after);
}
