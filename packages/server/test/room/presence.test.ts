import { describe, expect, it } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { encodePresence, type PresenceState } from "../../src/protocol/presence.ts";
import { TooLargeError } from "../../src/protocol/too-large-error.ts";
import { Presence } from "../../src/room/presence.ts";
import { type Outlet, Reader } from "../../src/room/reader.ts";
import { decodeFrames } from "../support/frames.ts";

class Sink implements Outlet {
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
  return encodePresence([{ client, clock, state: bytesOf(value) }]);
}

/** What a client that is sent these frames believes of the others. */
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

/** Somebody who was not shown anybody yet. */
function newcomer(): Reader {
  const reader = new Reader(new Sink());
  reader.presenceVersion = null;
  return reader;
}

/** Whom a message contests. */
function contested(presence: Presence, states: Uint8Array, from: Reader) {
  return presence.receive(states, from, 0).contests.map(({ client, owner }) => ({ client, owner }));
}

function room() {
  const presence = new Presence();
  return { presence, anna: newcomer(), ben: newcomer() };
}

function all(presence: Presence): Map<number, unknown> {
  const frame = presence.all();
  return seen(frame === null ? [] : [frame]);
}

describe("presence", () => {
  it("shows the newest state of each client, and says whose change it was", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 1, { name: "Anna" }), anna, 0);
    const { version } = presence;
    presence.receive(state(1, 2, { name: "Anna", at: 3 }), anna, 0);
    expect(presence.since(version)?.solely).toBe(anna);
    presence.receive(state(2, 1, { name: "Ben" }), ben, 0);
    expect(presence.since(version)?.solely).toBeNull();
    expect(presence.since(presence.version)).toBeNull();
    expect(all(presence)).toEqual(
      new Map([
        [1, { name: "Anna", at: 3 }],
        [2, { name: "Ben" }],
      ]),
    );
    expect(presence.size).toBe(2);
  });

  it("drops what others send back", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 5, { name: "Anna" }), anna, 0);
    presence.receive(state(2, 1, { name: "Ben" }), ben, 0);
    const { version } = presence;
    expect(contested(presence, state(1, 5, { name: "Anna" }), ben)).toEqual([]);
    expect(contested(presence, state(1, 4, { name: "old" }), ben)).toEqual([]);
    expect(presence.version).toBe(version);
  });

  it("does not let a connection speak for another's client, and names whose it is", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 1, { name: "Anna" }), anna, 0);
    expect(contested(presence, state(1, 9, { name: "Mallory" }), ben)).toEqual([
      { client: 1, owner: anna },
    ]);
    expect(contested(presence, state(1, 1, null), ben)).toEqual([{ client: 1, owner: anna }]);
    expect(all(presence)).toEqual(new Map([[1, { name: "Anna" }]]));
  });

  it("gives a client that another tab told of to its own connection", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 1, { name: "Anna" }), anna, 0);
    presence.receive(state(2, 1, { name: "Ben" }), anna, 0);
    expect(contested(presence, state(2, 1, { name: "Ben" }), ben)).toEqual([]);
    presence.remove(ben, 0);
    expect(all(presence)).toEqual(new Map([[1, { name: "Anna" }]]));
    // What a connection introduced first is its own, and nobody's to claim.
    expect(contested(presence, state(1, 9, { name: "Mallory" }), newcomer())).toEqual([
      { client: 1, owner: anna },
    ]);
  });

  it("removes a connection's clients when it ends, with a newer clock", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 1, { name: "Anna" }), anna, 0);
    presence.receive(state(2, 1, { name: "Ben" }), ben, 0);
    const before = presence.all();
    const { version } = presence;
    expect(presence.remove(anna, 0)).toBe(true);
    const news = presence.since(version);
    expect(seen([before, news?.frame].filter((frame) => frame != null))).toEqual(
      new Map([[2, { name: "Ben" }]]),
    );
    expect(presence.remove(anna, 0)).toBe(false);
  });

  it("brings a client that was declared gone back by telling it", () => {
    const { presence, anna } = room();
    const awareness = new Awareness(new Y.Doc());
    awareness.setLocalState({ name: "Anna" });
    awareness.setLocalState({ name: "Anna", at: 1 });
    const hello = () => encodeAwarenessUpdate(awareness, [awareness.clientID]);
    presence.receive(hello(), anna, 0);
    presence.remove(anna, 0);
    // A late message of the same client, on a connection that was shown the others.
    const again = newcomer();
    presence.receive(state(7, 1, null), again, 0);
    again.presenceVersion = presence.version;
    const { answer } = presence.receive(hello(), again, 0);
    expect(presence.size).toBe(0);
    for (const message of decodeFrames(answer === null ? [] : [answer])) {
      if (message.type === "presence") applyAwarenessUpdate(awareness, message.states, "server");
    }
    presence.receive(hello(), again, 0);
    expect(all(presence).get(awareness.clientID)).toEqual({ name: "Anna", at: 1 });
    awareness.destroy();
  });

  it("renews who is alive, removes who is not, and forgets them later", () => {
    const { presence, anna } = room();
    let isAlive = true;
    Object.assign(anna.outlet, { check: () => isAlive });
    presence.receive(state(1, 1, {}), anna, 0);
    expect(presence.expire(18_000)).toBe(false);
    expect(presence.expire(20_000)).toBe(true);
    expect(presence.expire(41_000)).toBe(true);
    isAlive = false;
    expect(presence.expire(70_000)).toBe(false);
    expect(presence.expire(72_000)).toBe(true);
    expect(presence.size).toBe(0);
    presence.expire(140_000);
    expect(presence.receive(state(1, 1, {}), newcomer(), 140_000).answer).toBeNull();
    expect(presence.size).toBe(1);
  });

  it("refuses a state that is too large, and keeps the one before", () => {
    const { presence, anna } = room();
    presence.receive(state(1, 1, {}), anna, 0);
    const large = state(1, 2, "x".repeat(64 * 1024));
    expect(() => presence.receive(large, anna, 0)).toThrow(TooLargeError);
    expect(presence.local().map(({ clock }) => clock)).toEqual([1]);
  });

  it("takes a bounded number of clients from one connection", () => {
    const { presence, anna } = room();
    for (let i = 0; i < 1_000; i++) presence.receive(state(i, 1, {}), anna, 0);
    expect(presence.size).toBe(64);
  });

  it("costs what changes, whatever came and went before", () => {
    const { presence, anna, ben } = room();
    const churn: PresenceState[] = [];
    for (let client = 1_000; client < 201_000; client++) {
      churn.push({ client, clock: 1, state: bytesOf({}) });
      churn.push({ client, clock: 2, state: bytesOf(null) });
    }
    presence.receive(encodePresence(churn), anna, 0);
    const began = process.cpuUsage();
    for (let clock = 1; clock <= 500; clock++) {
      const { version } = presence;
      presence.receive(state(1, clock, { at: clock }), ben, 0);
      expect(presence.since(version)?.solely).toBe(ben);
      expect(presence.localSince(version)).toHaveLength(1);
      presence.expire(0);
    }
    // With a look at each that came and went, this takes ten seconds.
    expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
  });

  it("takes few changes from one message, and few new clients in a minute", () => {
    const { presence, anna } = room();
    const churn = (first: number) => {
      const states: PresenceState[] = [];
      for (let client = first; client < first + 1_000; client++) {
        states.push({ client, clock: 1, state: bytesOf({}) });
        states.push({ client, clock: 2, state: bytesOf(null) });
      }
      return encodePresence(states);
    };
    for (let i = 0; i < 10; i++) presence.receive(churn(1_000 * i), anna, 0);
    expect(presence.version).toBe(256);
    presence.receive(state(100_000, 1, {}), anna, 59_000);
    expect(presence.size).toBe(0);
    presence.receive(state(100_000, 1, {}), anna, 61_000);
    expect(presence.size).toBe(1);
  });

  it("remembers a bounded number of those that left a room", () => {
    const { presence } = room();
    for (let i = 0; i < 20_000; i++) {
      const reader = newcomer();
      presence.receive(state(i, 1, {}), reader, 0);
      presence.remove(reader, 0);
    }
    const shown = () => new Reader(new Sink());
    // The newest is told that it left, the oldest is nobody that is known.
    expect(presence.receive(state(19_999, 1, {}), shown(), 0).answer).not.toBeNull();
    expect(presence.receive(state(0, 1, {}), shown(), 0).answer).toBeNull();
  });

  it("keeps a bounded amount of what one connection tells of others, and of a room's large states", () => {
    const { presence, anna, ben } = room();
    const large = "x".repeat(60_000);
    for (let i = 0; i < 64; i++) presence.receive(state(i, 1, large), anna, 0);
    expect(presence.size).toBe(4);
    const others = Array.from({ length: 100 }, () => newcomer());
    for (const [i, other] of others.entries()) {
      presence.receive(state(1_000 + i, 1, large), other, 0);
    }
    expect(presence.size).toBe(69);
    presence.receive(state(9_000, 1, { name: "Ben" }), ben, 0);
    expect(presence.size).toBe(70);
    presence.remove(anna, 0);
    presence.receive(state(9_001, 1, large), newcomer(), 0);
    expect(presence.size).toBe(67);
  });

  it("answers a message with one, and names few owners, however many states it holds", () => {
    const { presence, anna, ben } = room();
    const mallory = newcomer();
    presence.receive(state(3, 1, {}), mallory, 0);
    presence.receive(state(1, 1, {}), anna, 0);
    presence.receive(state(2, 1, {}), ben, 0);
    presence.remove(ben, 0);
    const states: PresenceState[] = [];
    for (let clock = 0; clock < 10_000; clock++) {
      states.push({ client: 1, clock: clock + 2, state: bytesOf({}) });
      states.push({ client: 2, clock: 0, state: bytesOf({}) });
    }
    const { contests, answer } = presence.receive(encodePresence(states), mallory, 0);
    expect(contests).toEqual([{ client: 1, owner: anna, isClaim: false }]);
    expect(decodeFrames(answer === null ? [] : [answer])).toHaveLength(1);
  });
});
