import { describe, expect, it } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { Presence } from "../../src/document/presence.ts";
import { type Outlet, Reader } from "../../src/document/reader.ts";
import { encodePresence, type PresenceState } from "../../src/protocol/presence.ts";
import { TooLargeError } from "../../src/protocol/too-large-error.ts";
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

function room() {
  const presence = new Presence();
  const [anna, ben] = [new Reader(new Sink()), new Reader(new Sink())];
  return { presence, anna, ben };
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
    const { version } = presence;
    expect(presence.receive(state(1, 5, { name: "Anna" }), ben, 0)).toEqual([]);
    expect(presence.receive(state(1, 4, { name: "old" }), ben, 0)).toEqual([]);
    expect(presence.version).toBe(version);
  });

  it("does not let a connection speak for another's client, and names whose it is", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 1, { name: "Anna" }), anna, 0);
    expect(presence.receive(state(1, 9, { name: "Mallory" }), ben, 0)).toEqual([
      { client: 1, owner: anna },
    ]);
    expect(presence.receive(state(1, 1, null), ben, 0)).toEqual([{ client: 1, owner: anna }]);
    expect(all(presence)).toEqual(new Map([[1, { name: "Anna" }]]));
  });

  it("gives a client that another tab told of to its own connection", () => {
    const { presence, anna, ben } = room();
    presence.receive(state(1, 1, { name: "Anna" }), anna, 0);
    presence.receive(state(2, 1, { name: "Ben" }), anna, 0);
    expect(presence.receive(state(2, 1, { name: "Ben" }), ben, 0)).toEqual([]);
    presence.remove(ben, 0);
    expect(all(presence)).toEqual(new Map([[1, { name: "Anna" }]]));
    // What a connection introduced first is its own, and nobody's to claim.
    expect(presence.receive(state(1, 9, { name: "Mallory" }), ben, 0)).toEqual([
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
    // The same client on a new connection, with the state that it had.
    const outlet = new Sink();
    const again = new Reader(outlet);
    presence.receive(hello(), again, 0);
    expect(presence.size).toBe(0);
    for (const message of decodeFrames(outlet.frames)) {
      if (message.type === "presence") applyAwarenessUpdate(awareness, message.states, "server");
    }
    presence.receive(hello(), again, 0);
    expect(all(presence).get(awareness.clientID)).toEqual({ name: "Anna", at: 1 });
    awareness.destroy();
  });

  it("removes who does not renew, and forgets them later", () => {
    const { presence, anna } = room();
    presence.receive(state(1, 1, {}), anna, 0);
    expect(presence.expire(29_000)).toBe(false);
    expect(presence.expire(31_000)).toBe(true);
    expect(presence.size).toBe(0);
    presence.expire(100_000);
    presence.receive(state(1, 1, {}), anna, 100_000);
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
      const reader = new Reader(new Sink());
      presence.receive(state(i, 1, {}), reader, 0);
      presence.remove(reader, 0);
    }
    const [early, late] = [new Sink(), new Sink()];
    // The newest is told that it left, the oldest is nobody that is known.
    presence.receive(state(19_999, 1, {}), new Reader(late), 0);
    presence.receive(state(0, 1, {}), new Reader(early), 0);
    expect(late.frames).toHaveLength(1);
    expect(early.frames).toHaveLength(0);
  });

  it("keeps a bounded amount of what one connection tells of others, and of a room's large states", () => {
    const { presence, anna, ben } = room();
    const large = "x".repeat(60_000);
    for (let i = 0; i < 64; i++) presence.receive(state(i, 1, large), anna, 0);
    expect(presence.size).toBe(4);
    const others = Array.from({ length: 100 }, () => new Reader(new Sink()));
    for (const [i, other] of others.entries()) {
      presence.receive(state(1_000 + i, 1, large), other, 0);
    }
    expect(presence.size).toBe(69);
    presence.receive(state(9_000, 1, { name: "Ben" }), ben, 0);
    expect(presence.size).toBe(70);
    presence.remove(anna, 0);
    presence.receive(state(9_001, 1, large), anna, 0);
    expect(presence.size).toBe(67);
  });

  it("answers a message with one, and names few owners, however many states it holds", () => {
    const { presence, anna, ben } = room();
    const sink = new Sink();
    const mallory = new Reader(sink);
    presence.receive(state(1, 1, {}), anna, 0);
    presence.receive(state(2, 1, {}), ben, 0);
    presence.remove(ben, 0);
    const states: PresenceState[] = [];
    for (let clock = 0; clock < 10_000; clock++) {
      states.push({ client: 1, clock: clock + 2, state: bytesOf({}) });
      states.push({ client: 2, clock: 0, state: bytesOf({}) });
    }
    expect(presence.receive(encodePresence(states), mallory, 0)).toEqual([
      { client: 1, owner: anna },
    ]);
    expect(sink.frames).toHaveLength(1);
  });
});
