import { describe, expect, it } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import type { AwarenessState } from "../../src/protocol/awareness.ts";
import { TooLargeError } from "../../src/protocol/too-large-error.ts";
import { RoomAwareness } from "../../src/room/awareness/room-awareness.ts";
import { type Sink, Subscriber } from "../../src/room/subscriber.ts";
import { encodeAwareness } from "../support/awareness-bytes.ts";
import { decodeFrames } from "../support/frames.ts";

class RecordingSink implements Sink {
  readonly writable = true;
  readonly frames: Uint8Array[] = [];
  write(frames: readonly Uint8Array[]): void {
    this.frames.push(...frames);
  }
  probe(): void {}
  close(): void {}
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function state(client: number, clock: number, value: unknown): Uint8Array {
  return encodeAwareness([{ client, clock, state: bytesOf(value) }]);
}

/** Returns the awareness states that a client has after receiving these frames. */
function seen(frames: readonly Uint8Array[]): Map<number, unknown> {
  const awareness = new Awareness(new Y.Doc());
  awareness.setLocalState(null);
  for (const message of decodeFrames(frames)) {
    if (message.type === "presence") applyAwarenessUpdate(awareness, message.states, "test");
  }
  const states = new Map(awareness.getStates());
  awareness.destroy();
  return states;
}

/** A client that has not been shown any others yet. */
function newcomer(): Subscriber {
  const subscriber = new Subscriber(new RecordingSink());
  subscriber.awarenessVersion = null;
  return subscriber;
}

/** Returns the clients that a message contests, with their owners. */
function contested(awareness: RoomAwareness, states: Uint8Array, from: Subscriber) {
  return awareness
    .receive(states, from, 0)
    .contests.map(({ client, owner }) => ({ client, owner }));
}

function room() {
  const awareness = new RoomAwareness();
  return { awareness, anna: newcomer(), ben: newcomer() };
}

function all(awareness: RoomAwareness): Map<number, unknown> {
  const frame = awareness.all();
  return seen(frame === null ? [] : [frame]);
}

describe("the awareness of a room", () => {
  it("shows the latest state of each client, and whether all changes are from one subscriber", () => {
    const { awareness, anna, ben } = room();
    awareness.receive(state(1, 1, { name: "Anna" }), anna, 0);
    const { version } = awareness;
    awareness.receive(state(1, 2, { name: "Anna", at: 3 }), anna, 0);
    expect(awareness.since(version)?.solely).toBe(anna);
    awareness.receive(state(2, 1, { name: "Ben" }), ben, 0);
    expect(awareness.since(version)?.solely).toBeNull();
    expect(awareness.since(awareness.version)).toBeNull();
    expect(all(awareness)).toEqual(
      new Map([
        [1, { name: "Anna", at: 3 }],
        [2, { name: "Ben" }],
      ]),
    );
    expect(awareness.size).toBe(2);
  });

  it("ignores states that other clients send back", () => {
    const { awareness, anna, ben } = room();
    awareness.receive(state(1, 5, { name: "Anna" }), anna, 0);
    awareness.receive(state(2, 1, { name: "Ben" }), ben, 0);
    const { version } = awareness;
    expect(contested(awareness, state(1, 5, { name: "Anna" }), ben)).toEqual([]);
    expect(contested(awareness, state(1, 4, { name: "old" }), ben)).toEqual([]);
    expect(awareness.version).toBe(version);
  });

  it("does not let a connection change another's client, and reports the owner", () => {
    const { awareness, anna, ben } = room();
    awareness.receive(state(1, 1, { name: "Anna" }), anna, 0);
    expect(contested(awareness, state(1, 9, { name: "Mallory" }), ben)).toEqual([
      { client: 1, owner: anna },
    ]);
    expect(contested(awareness, state(1, 1, null), ben)).toEqual([{ client: 1, owner: anna }]);
    expect(all(awareness)).toEqual(new Map([[1, { name: "Anna" }]]));
  });

  it("hands a client that another connection announced over to its own", () => {
    const { awareness, anna, ben } = room();
    awareness.receive(state(1, 1, { name: "Anna" }), anna, 0);
    awareness.receive(state(2, 1, { name: "Ben" }), anna, 0);
    expect(contested(awareness, state(2, 1, { name: "Ben" }), ben)).toEqual([]);
    awareness.remove(ben, 0);
    expect(all(awareness)).toEqual(new Map([[1, { name: "Anna" }]]));
    // The first client that a connection introduces is its own, and cannot be claimed by others.
    expect(contested(awareness, state(1, 9, { name: "Mallory" }), newcomer())).toEqual([
      { client: 1, owner: anna },
    ]);
  });

  it("removes a connection's clients with a newer clock when it ends", () => {
    const { awareness, anna, ben } = room();
    awareness.receive(state(1, 1, { name: "Anna" }), anna, 0);
    awareness.receive(state(2, 1, { name: "Ben" }), ben, 0);
    const before = awareness.all();
    const { version } = awareness;
    expect(awareness.remove(anna, 0)).toBe(true);
    const news = awareness.since(version);
    expect(seen([before, news?.frame].filter((frame) => frame != null))).toEqual(
      new Map([[2, { name: "Ben" }]]),
    );
    expect(awareness.remove(anna, 0)).toBe(false);
  });

  it("brings back a client that was declared gone, by notifying it", () => {
    const { awareness, anna } = room();
    const client = new Awareness(new Y.Doc());
    client.setLocalState({ name: "Anna" });
    client.setLocalState({ name: "Anna", at: 1 });
    const hello = () => encodeAwarenessUpdate(client, [client.clientID]);
    awareness.receive(hello(), anna, 0);
    awareness.remove(anna, 0);
    // A late message from the same client, on a connection that has been shown the others.
    const again = newcomer();
    awareness.receive(state(7, 1, null), again, 0);
    again.awarenessVersion = awareness.version;
    const { answer } = awareness.receive(hello(), again, 0);
    expect(awareness.size).toBe(0);
    for (const message of decodeFrames(answer === null ? [] : [answer])) {
      if (message.type === "presence") applyAwarenessUpdate(client, message.states, "server");
    }
    awareness.receive(hello(), again, 0);
    expect(all(awareness).get(client.clientID)).toEqual({ name: "Anna", at: 1 });
    client.destroy();
  });

  it("renews live clients, removes dead ones, and forgets them later", () => {
    const { awareness, anna } = room();
    let isAlive = true;
    Object.assign(anna.sink, { check: () => isAlive });
    awareness.receive(state(1, 1, {}), anna, 0);
    expect(awareness.expire(18_000)).toBe(false);
    expect(awareness.expire(20_000)).toBe(true);
    expect(awareness.expire(41_000)).toBe(true);
    isAlive = false;
    expect(awareness.expire(70_000)).toBe(false);
    expect(awareness.expire(72_000)).toBe(true);
    expect(awareness.size).toBe(0);
    awareness.expire(140_000);
    expect(awareness.receive(state(1, 1, {}), newcomer(), 140_000).answer).toBeNull();
    expect(awareness.size).toBe(1);
  });

  it("refuses a state that is too large, and keeps the previous one", () => {
    const { awareness, anna } = room();
    awareness.receive(state(1, 1, {}), anna, 0);
    const large = state(1, 2, "x".repeat(64 * 1024));
    expect(() => awareness.receive(large, anna, 0)).toThrow(TooLargeError);
    expect(awareness.local().map(({ clock }) => clock)).toEqual([1]);
  });

  it("accepts a bounded number of clients from one connection", () => {
    const { awareness, anna } = room();
    for (let i = 0; i < 1_000; i++) awareness.receive(state(i, 1, {}), anna, 0);
    expect(awareness.size).toBe(64);
  });

  it("takes time for what changes, not for clients that have come and gone", () => {
    const { awareness, anna, ben } = room();
    const churn: AwarenessState[] = [];
    for (let client = 1_000; client < 201_000; client++) {
      churn.push({ client, clock: 1, state: bytesOf({}) });
      churn.push({ client, clock: 2, state: bytesOf(null) });
    }
    awareness.receive(encodeAwareness(churn), anna, 0);
    const began = process.cpuUsage();
    for (let clock = 1; clock <= 500; clock++) {
      const { version } = awareness;
      awareness.receive(state(1, clock, { at: clock }), ben, 0);
      expect(awareness.since(version)?.solely).toBe(ben);
      expect(awareness.localSince(version)).toHaveLength(1);
      awareness.expire(0);
    }
    // Visiting every client that came and went would take ten seconds.
    expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
  });

  it("limits the changes per message and the new clients per minute", () => {
    const { awareness, anna } = room();
    const churn = (first: number) => {
      const states: AwarenessState[] = [];
      for (let client = first; client < first + 1_000; client++) {
        states.push({ client, clock: 1, state: bytesOf({}) });
        states.push({ client, clock: 2, state: bytesOf(null) });
      }
      return encodeAwareness(states);
    };
    for (let i = 0; i < 10; i++) awareness.receive(churn(1_000 * i), anna, 0);
    expect(awareness.version).toBe(256);
    awareness.receive(state(100_000, 1, {}), anna, 59_000);
    expect(awareness.size).toBe(0);
    awareness.receive(state(100_000, 1, {}), anna, 61_000);
    expect(awareness.size).toBe(1);
  });

  it("remembers a bounded number of clients that have left", () => {
    const { awareness } = room();
    for (let i = 0; i < 20_000; i++) {
      const subscriber = newcomer();
      awareness.receive(state(i, 1, {}), subscriber, 0);
      awareness.remove(subscriber, 0);
    }
    const shown = () => new Subscriber(new RecordingSink());
    // The newest is notified that it has left; the oldest is no longer known.
    expect(awareness.receive(state(19_999, 1, {}), shown(), 0).answer).not.toBeNull();
    expect(awareness.receive(state(0, 1, {}), shown(), 0).answer).toBeNull();
  });

  it("bounds the large states that one connection reports, and those of the whole room", () => {
    const { awareness, anna, ben } = room();
    const large = "x".repeat(60_000);
    for (let i = 0; i < 64; i++) awareness.receive(state(i, 1, large), anna, 0);
    expect(awareness.size).toBe(4);
    const others = Array.from({ length: 100 }, () => newcomer());
    for (const [i, other] of others.entries()) {
      awareness.receive(state(1_000 + i, 1, large), other, 0);
    }
    expect(awareness.size).toBe(69);
    awareness.receive(state(9_000, 1, { name: "Ben" }), ben, 0);
    expect(awareness.size).toBe(70);
    awareness.remove(anna, 0);
    awareness.receive(state(9_001, 1, large), newcomer(), 0);
    expect(awareness.size).toBe(67);
  });

  it("answers a message once and reports each owner once, however many states it contains", () => {
    const { awareness, anna, ben } = room();
    const mallory = newcomer();
    awareness.receive(state(3, 1, {}), mallory, 0);
    awareness.receive(state(1, 1, {}), anna, 0);
    awareness.receive(state(2, 1, {}), ben, 0);
    awareness.remove(ben, 0);
    const states: AwarenessState[] = [];
    for (let clock = 0; clock < 10_000; clock++) {
      states.push({ client: 1, clock: clock + 2, state: bytesOf({}) });
      states.push({ client: 2, clock: 0, state: bytesOf({}) });
    }
    const { contests, answer } = awareness.receive(encodeAwareness(states), mallory, 0);
    expect(contests).toEqual([{ client: 1, owner: anna, isClaim: false }]);
    expect(decodeFrames(answer === null ? [] : [answer])).toHaveLength(1);
  });
});
