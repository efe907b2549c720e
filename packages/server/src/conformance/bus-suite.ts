import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Bus } from "../replication/bus.ts";
import { BusRecorder } from "./bus-recorder.ts";
import type { TestService } from "./test-service.ts";
import { ODD_ROOM_NAMES } from "./test-storage.ts";
import { waitFor } from "./wait-for.ts";

/** A service that carries a bus. */
export interface TestBus {
  readonly service: TestService;
  /** Opens the bus for one more server. */
  open(): Promise<Bus>;
  /** Returns how many servers are subscribed to each room, according to the service. */
  subscriptions(): Promise<ReadonlyMap<string, number>>;
  /** Closes the connections of all servers. */
  dropConnections(): Promise<void>;
}

/** Two seconds, plus some slack for a busy machine. */
const SUBSCRIBE_BOUND_MS = 4_000;
const KB = 1024;

/** The contract that every implementation of the bus must meet. */
export function busSuite(name: string, create: () => TestBus): void {
  describe(`bus: ${name}`, () => {
    const place = create();
    const { service } = place;
    let opened: Bus[] = [];

    beforeAll(() => service.start());
    afterAll(() => service.stop());
    afterEach(async () => {
      service.resume();
      // The test may have stopped the service.
      await service.start();
      await Promise.all(opened.map((bus) => bus.close()));
      opened = [];
    });

    async function open(): Promise<Bus> {
      const bus = await place.open();
      opened.push(bus);
      await waitFor(() => bus.problem === undefined, {
        message: () => `the bus has no problem: ${bus.problem}`,
      });
      return bus;
    }

    async function isSubscribed(expected: Readonly<Record<string, number>>): Promise<void> {
      let seen: ReadonlyMap<string, number> = new Map();
      await waitFor(
        async () => {
          seen = await place.subscriptions();
          const isSame = Object.entries(expected).every(
            ([room, count]) => seen.get(room) === count,
          );
          return isSame && seen.size === Object.keys(expected).length;
        },
        {
          message: () =>
            `the subscriptions are ${JSON.stringify(expected)}; last seen: ${JSON.stringify([...seen])}`,
        },
      );
    }

    it("delivers to all servers, including the sender", async () => {
      const buses = await Promise.all([open(), open(), open()]);
      const listeners = await Promise.all(buses.map((bus) => BusRecorder.on(bus, "room")));
      listeners[0]?.send("hello");
      await Promise.all(listeners.map((listener) => listener.receives("hello")));
      expect(listeners.map(({ interruptions }) => interruptions)).toEqual([0, 0, 0]);
    });

    it("carries all bytes unchanged, from 0 to 128 KB", async () => {
      const [from, to] = await Promise.all([open(), open()]);
      const sender = await BusRecorder.on(from, "bytes");
      const receiver = await BusRecorder.on(to, "bytes");
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const large = Uint8Array.from({ length: 128 * KB }, (_, i) => (i * 7919) >> 3);
      const messages = [new Uint8Array(0), all, large, all.subarray(13, 14), large.subarray(1)];
      for (const message of messages) sender.publish(message);
      await waitFor(() => receiver.messages.length === messages.length, {
        message: "all messages arrive",
      });
      expect(receiver.messages).toEqual(messages.map((message) => message.slice()));
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
          const count = receiver.messages.length;
          sender.publish(bytes);
          await waitFor(() => receiver.messages.length > count, { message: "the message arrives" });
          expect(receiver.messages[count]).toEqual(bytes);
        }),
        { numRuns: 50 },
      );
    });

    it("passes bytes that a listener can copy with slice()", async () => {
      const bus = await open();
      let copy: Uint8Array | undefined;
      const listener = {
        onMessage: (message: Uint8Array) => {
          copy = message.slice();
          message.fill(0);
        },
        onInterrupted: () => {},
      };
      const subscription = await bus.subscribe("copies", listener);
      subscription.publish(Uint8Array.of(1, 2, 3));
      await waitFor(() => copy, { message: "the message arrives" });
      expect(copy).toEqual(Uint8Array.of(1, 2, 3));
    });

    it("preserves the order of each publisher's messages", async () => {
      const buses = await Promise.all([open(), open(), open()]);
      const listeners = await Promise.all(buses.map((bus) => BusRecorder.on(bus, "order")));
      const expected = Array.from({ length: 500 }, (_, i) => i);
      for (const i of expected) {
        for (const [who, listener] of listeners.entries()) listener.send(`${who} ${i}`);
        if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const listener of listeners) {
        await waitFor(() => listener.texts.length === 1_500, { message: "all messages arrive" });
        for (const who of [0, 1, 2]) {
          const own = listener.texts.filter((text) => text.startsWith(`${who} `));
          expect(own).toEqual(expected.map((i) => `${who} ${i}`));
        }
      }
    });

    it("delivers messages only to their room, whatever its name", async () => {
      const [from, to] = await Promise.all([open(), open()]);
      const names = [...ODD_ROOM_NAMES, "{a}b", "{a}c", "a", "{}", "}{", "{{a}}", "*", "a?", "\0"];
      const rooms = [...new Set(names)];
      const senders = await Promise.all(rooms.map((room) => BusRecorder.on(from, room)));
      const receivers = await Promise.all(rooms.map((room) => BusRecorder.on(to, room)));
      for (const [i, sender] of senders.entries()) sender.send(`of ${i}`);
      for (const [i, receiver] of receivers.entries()) await receiver.receives(`of ${i}`);
      expect(receivers.map(({ texts }) => texts)).toEqual(rooms.map((_, i) => [`of ${i}`]));
    });

    it("delivers nothing after close, but continues for other subscriptions in the process", async () => {
      const bus = await open();
      const closed = await BusRecorder.on(bus, "room");
      const other = await BusRecorder.on(bus, "room");
      other.send("first");
      const closing = closed.close();
      await other.receives("first");
      await closing;
      closed.send("after close");
      other.send("second");
      await other.receives("second");
      expect(other.texts).toEqual(["first", "second"]);
      expect(closed.texts).toEqual([]);
    });

    it("is subscribed exactly once after subscribing and closing in quick succession", async () => {
      const [bus, other] = await Promise.all([open(), open()]);
      const sender = await BusRecorder.on(other, "quick");
      for (let i = 0; i < 50; i++) {
        const early = BusRecorder.on(bus, "quick");
        // Some are closed before the previous subscription is confirmed.
        if (i % 3 === 0) await early;
        void early.then((listener) => listener.close());
        if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const last = await BusRecorder.on(bus, "quick");
      sender.send("once");
      await last.receives("once");
      await isSubscribed({ quick: 2 });
      sender.send("twice?");
      await last.receives("twice?");
      expect(last.texts).toEqual(["once", "twice?"]);
      await last.close();
      await isSubscribed({ quick: 1 });
    });

    it("delivers as soon as subscribing resolves, even right after the last subscription was closed", async () => {
      const bus = await open();
      let listener = await BusRecorder.on(bus, "again");
      for (let i = 0; i < 100; i++) {
        const closing = listener.close();
        listener = await BusRecorder.on(bus, "again");
        listener.send(`${i}`);
        await listener.receives(`${i}`);
        await closing;
        expect(listener.interruptions).toBe(0);
      }
    });

    it("leaves no subscriptions behind after serving 2,000 rooms", async () => {
      const bus = await open();
      const rooms = Array.from({ length: 2_000 }, (_, i) => `many ${i}`);
      const listeners = await Promise.all(rooms.map((room) => BusRecorder.on(bus, room)));
      expect((await place.subscriptions()).size).toBe(2_000);
      for (const [i, listener] of listeners.entries()) listener.send(`${i}`);
      await Promise.all(listeners.map((listener, i) => listener.receives(`${i}`)));
      await Promise.all(listeners.map((listener) => listener.close()));
      await isSubscribed({});
    });

    it("is subscribed to exactly the open rooms, whatever happened before", async () => {
      const bus = await open();
      const step = fc.record({
        act: fc.constantFrom("subscribe", "subscribe", "close", "close", "wait", "drop"),
        room: fc.constantFrom("a", "b", "c"),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          const open = new Map<string, Promise<BusRecorder>[]>();
          for (const { act, room } of steps) {
            const ofRoom = open.get(room) ?? [];
            open.set(room, ofRoom);
            if (act === "subscribe") ofRoom.push(BusRecorder.on(bus, room));
            if (act === "close") await (await ofRoom.shift())?.close();
            if (act === "wait") await Promise.all(ofRoom);
            if (act === "drop") await place.dropConnections();
          }
          const expected: Record<string, number> = {};
          for (const [room, { length }] of open) if (length > 0) expected[room] = 1;
          await isSubscribed(expected);
          const listeners = await Promise.all([...open.values()].flat());
          for (const listener of listeners) {
            listener.send("works");
            await listener.receives("works");
            await listener.close();
          }
          await isSubscribed({});
        }),
        { numRuns: 15 },
      );
    });

    it("still sends messages published just before it is closed", async () => {
      const [bus, other] = await Promise.all([open(), open()]);
      const leaver = await BusRecorder.on(bus, "farewell");
      const stayer = await BusRecorder.on(other, "farewell");
      leaver.send("leaving");
      await leaver.close();
      await bus.close();
      await stayer.receives("leaving");
    });

    it("survives a listener that throws", async () => {
      const bus = await open();
      const fails = {
        onMessage: () => {
          throw new Error("meant to fail");
        },
        onInterrupted: () => {},
      };
      await bus.subscribe("throwing", fails);
      const listener = await BusRecorder.on(bus, "throwing");
      listener.send("hello");
      await listener.receives("hello");
    });

    it("recovers by itself after an outage, and notifies its listeners", async () => {
      const [bus, other] = await Promise.all([open(), open()]);
      const rooms = Array.from({ length: 300 }, (_, i) => `outage ${i}`);
      const here = await Promise.all(rooms.map((room) => BusRecorder.on(bus, room)));
      const there = await Promise.all(rooms.map((room) => BusRecorder.on(other, room)));
      await service.kill();
      await waitFor(() => bus.problem && other.problem, {
        message: "the outage is noticed",
      });
      for (const listener of here) listener.send("lost");
      await service.start();
      const all = [...here, ...there];
      await waitFor(() => all.every(({ interruptions }) => interruptions > 0), {
        message: "all listeners are notified",
      });
      // A listener can rely on the notification: messages sent from now on must arrive.
      for (const listener of here) listener.send("after");
      await Promise.all(all.map((listener) => listener.receives("after")));
      expect(all.every(({ texts }) => texts.join() === "after")).toBe(true);
      expect(bus.problem ?? other.problem).toBe(undefined);
    });

    it("accepts subscriptions during an outage, and delivers to them once it is over", async () => {
      const bus = await open();
      await service.kill();
      await waitFor(() => bus.problem, { message: "the outage is noticed" });
      const since = performance.now();
      const early = await BusRecorder.on(bus, "early");
      expect(performance.now() - since).toBeLessThan(SUBSCRIBE_BOUND_MS);
      early.send("lost");
      await service.start();
      await waitFor(() => early.interruptions > 0, { message: "the listener is notified" });
      early.send("after");
      await early.receives("after");
      expect(early.texts).toEqual(["after"]);
    });

    it("notices a frozen service, and recovers when it resumes", async () => {
      const [bus, other] = await Promise.all([open(), open()]);
      const here = await BusRecorder.on(bus, "frozen");
      const there = await BusRecorder.on(other, "frozen");
      service.pause();
      for (let i = 0; i < 2_000; i++) here.publish(new Uint8Array(KB));
      await waitFor(() => bus.problem && other.problem, {
        message: "the outage is noticed",
      });
      service.resume();
      await waitFor(() => here.interruptions > 0 && there.interruptions > 0, {
        message: "both listeners are notified",
      });
      here.send("after");
      await there.receives("after");
    });

    it("can be closed during an outage, and tolerates later subscriptions", async () => {
      const bus = await open();
      await service.kill();
      await waitFor(() => bus.problem, { message: "the outage is noticed" });
      const early = BusRecorder.on(bus, "early");
      await bus.close();
      const listeners = [await early, await BusRecorder.on(bus, "late")];
      for (const listener of listeners) {
        listener.send("nothing");
        await listener.close();
      }
      await bus.close();
      expect(bus.problem).toBeDefined();
    });
  });
}
