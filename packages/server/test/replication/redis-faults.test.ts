import { Redis } from "@symphony/services/redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BusRecorder } from "../../src/conformance/bus-recorder.ts";
import type { Bus } from "../../src/replication/bus.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { LogRecorder } from "./redis-log.ts";
import { useBusInChild } from "./redis-run-child.ts";

const KB = 1024;

describe("the bus on Redis", () => {
  const redis = new Redis(["--client-output-buffer-limit", "pubsub 0 0 0"]);
  let proxy: TcpProxy;
  let log: LogRecorder;
  let opened: Bus[] = [];

  beforeAll(async () => {
    await redis.start();
    proxy = await TcpProxy.start(redis.port);
  });
  afterAll(async () => {
    await proxy.close();
    await redis.stop();
  });
  afterEach(async () => {
    proxy.restore();
    redis.resume();
    await Promise.all(opened.map((bus) => bus.close()));
    opened = [];
  });

  async function open(port: number): Promise<Bus> {
    log = new LogRecorder();
    const bus = await openRedisBus([`redis://127.0.0.1:${port}`], log.logger);
    opened.push(bus);
    return bus;
  }

  async function works(...listeners: BusRecorder[]): Promise<void> {
    for (const [i, listener] of listeners.entries()) {
      const text = `works ${i} ${listener.messages.length}`;
      listener.send(text);
      await Promise.all(listeners.map((other) => other.receives(text)));
    }
  }

  it("starts without Redis, logs that once, and works when Redis becomes available", async () => {
    proxy.cut();
    const bus = await open(proxy.port);
    expect(bus.problem).toContain(`127.0.0.1:${proxy.port}`);
    const listener = await BusRecorder.on(bus, "early");
    expect(log.lines.map(({ msg }) => msg)).toEqual(["Redis unavailable"]);
    proxy.restore();
    await waitFor(() => listener.interruptions > 0, {
      message: "the listener has been notified of an interruption",
    });
    expect(bus.problem).toBe(undefined);
    expect(log.lines.map(({ msg }) => msg)).toEqual(["Redis unavailable", "Redis available again"]);
    await works(listener);
  });

  it("detects a network that swallows everything, and reconnects", async () => {
    const bus = await open(proxy.port);
    const here = await BusRecorder.on(bus, "silence");
    const there = await BusRecorder.on(await open(redis.port), "silence");
    proxy.silence();
    const since = performance.now();
    await waitFor(() => bus.problem, { message: "the bus reports a problem" });
    expect(performance.now() - since).toBeLessThan(8_000);
    expect(bus.problem).toContain("no sign of life");
    proxy.restore();
    await waitFor(() => here.interruptions > 0, {
      message: "the listener has been notified of an interruption",
    });
    await works(here, there);
    expect(there.interruptions).toBe(0);
  });

  it("starts within two seconds when Redis accepts connections but does not respond", async () => {
    proxy.silence();
    const since = performance.now();
    const bus = await open(proxy.port);
    expect(performance.now() - since).toBeLessThan(4_000);
    expect(bus.problem).toBeDefined();
    proxy.restore();
    await waitFor(() => bus.problem === undefined, { message: "the bus works" });
  });

  it("reconnects when a connection breaks in the middle of a message", async () => {
    const here = await BusRecorder.on(await open(proxy.port), "broken");
    const there = await BusRecorder.on(await open(redis.port), "broken");
    for (let i = 1; i <= 5; i++) {
      proxy.breakAfter(1_000 * i + i);
      there.publish(new Uint8Array(64 * KB).fill(i));
      await waitFor(() => here.interruptions >= i, {
        message: `the listener has been notified ${i} times`,
      });
    }
    await works(here, there);
    // A message arrives intact or not at all.
    const sizes = new Set(here.messages.filter(({ length }) => length > KB).map((m) => m.length));
    expect([...sizes].every((size) => size === 64 * KB)).toBe(true);
  });

  it("works over a slow network, without treating it as an outage", async () => {
    proxy.delay(200);
    const bus = await open(proxy.port);
    await waitFor(() => bus.problem === undefined, { message: "the bus works" });
    const listener = await BusRecorder.on(bus, "slow");
    for (let i = 0; i < 4; i++) await works(listener);
    expect(listener.interruptions).toBe(0);
    expect(log.lines).toEqual([]);
  });

  it("limits the messages that await a response, and drops the rest", async () => {
    const bus = await open(redis.port);
    const listener = await BusRecorder.on(bus, "much");
    redis.pause();
    const message = new Uint8Array(128 * KB);
    for (let i = 0; i < 2_000; i++) listener.publish(message);
    redis.resume();
    await waitFor(() => listener.messages.length > 0, { message: "some messages have arrived" });
    await waitFor(
      () => {
        listener.send("after");
        return listener.texts.at(-1) === "after";
      },
      { message: "messages are delivered again" },
    );
    const large = listener.messages.filter(({ length }) => length === message.length);
    expect(large.length).toBeGreaterThan(0);
    expect(large.length).toBeLessThanOrEqual(256);
    const warnings = log.lines.filter(({ msg }) => msg.endsWith("dropping messages"));
    expect(warnings).toHaveLength(1);
  });

  it("sends Redis nothing but heartbeats while nothing is published", async () => {
    const bus = await open(redis.port);
    await Promise.all(Array.from({ length: 20 }, (_, i) => BusRecorder.on(bus, `idle ${i}`)));
    const before = await redis.commandStats();
    const beats = async () => ((await redis.commandStats()).get("publish") ?? 0) - publishedBefore;
    const publishedBefore = before.get("publish") ?? 0;
    await waitFor(async () => (await beats()) >= 2, { message: "the bus has sent two heartbeats" });
    const after = await redis.commandStats();
    const grown = [...after].filter(([name, calls]) => calls > (before.get(name) ?? 0));
    expect(grown.map(([name]) => name).sort()).toEqual(["info", "publish"]);
  });

  it("leaves no timer or socket behind, whether Redis works or not", async () => {
    expect(await useBusInChild([redis.url])).toBe("works");
    expect(await useBusInChild(["redis://127.0.0.1:1"])).toContain("ECONNREFUSED");
    proxy.silence();
    expect(await useBusInChild([`redis://127.0.0.1:${proxy.port}`])).toMatch(
      /no response|not been reached/,
    );
  });
});
