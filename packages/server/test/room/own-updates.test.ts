import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { NO_OBSERVER } from "../../src/hooks/server-observer.ts";
import { inspectUpdate, isEmpty } from "../../src/protocol/update.ts";
import { FanoutScheduler } from "../../src/room/fanout/fanout-scheduler.ts";
import { EMPTY_BASE } from "../../src/room/log/base.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import { Room } from "../../src/room/room.ts";
import type { RoomReplicator, RoomServices } from "../../src/room/room-services.ts";
import { RoomStats } from "../../src/room/room-stats.ts";
import type { Sink, Subscriber } from "../../src/room/subscriber.ts";
import { decodeFrames } from "../support/frames.ts";
import { PROMPT_PUBLISHING } from "../support/prompt-publishing.ts";
import { PromptWorkers } from "../support/prompt-workers.ts";

/** No other server holds the room. */
const NO_OTHERS: RoomReplicator = {
  active: false,
  isSnapshotLeader: true,
  add: () => {},
  flush: () => {},
  probe: () => {},
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A room whose journal commits when the test triggers it. */
class Scene {
  slow = false;
  /** Answers in progress: they may have to wait until something is durable. */
  joining: Promise<void>[] = [];
  readonly document: Room;
  /** Who wrote what, and where it is in the log: insertions by clock, deletions by their target. */
  readonly inserted: { author: number; to: number; offset: number }[] = [];
  readonly deleted: Map<string, { authors: Set<number>; offset: number }> = new Map();

  constructor() {
    const stats = new RoomStats();
    const room = this;
    const services: RoomServices = {
      workers: new PromptWorkers(),
      compaction: "collect",
      stats,
      publishing: PROMPT_PUBLISHING,
      scheduler: new (class extends FanoutScheduler {
        override schedule(): void {}
        override scheduleAwareness(): void {}
      })(stats),
      journal: {
        get slow() {
          return room.slow;
        },
        enqueue() {},
      },
      observer: NO_OBSERVER,
    };
    this.document = new Room("room", EMPTY_BASE, services, NO_OTHERS);
  }

  append(update: Uint8Array, from: Subscriber | null, author: number): void {
    const { document } = this;
    const contents = inspectUpdate(update);
    if (isEmpty(contents) || (from === null && document.knows(update, contents))) return;
    const offset = document.log.end;
    const to = Y.parseUpdateMeta(update).to.get(author) ?? 0;
    this.inserted.push({ author, to, offset });
    for (const one of deletions(update)) {
      const known = this.deleted.get(one) ?? { authors: new Set(), offset };
      known.offset = Math.min(known.offset, offset);
      this.deleted.set(one, known);
    }
    document.submit(update, from?.origin ?? UNKNOWN, contents);
  }

  /** Asserts that no client is sent its own update before it is durable. */
  check(update: Uint8Array, person: Person): void {
    const { durable } = this.document.log;
    const shown = Y.parseUpdateMeta(update).to.get(person.id) ?? 0;
    const own = this.inserted.filter((one) => one.author === person.id && one.offset < durable);
    expect(shown).toBeLessThanOrEqual(Math.max(0, ...own.map(({ to }) => to)));
    for (const one of deletions(update)) {
      const known = this.deleted.get(one);
      // A deletion that others made as well may be theirs.
      if (known?.authors.size !== 1 || !known.authors.has(person.id)) continue;
      expect(known.offset).toBeLessThan(durable);
    }
  }
}

function deletions(update: Uint8Array): string[] {
  return [...Y.decodeUpdate(update).ds.clients].flatMap(([client, ranges]) =>
    ranges.flatMap(({ clock, len }) =>
      Array.from({ length: len }, (_, i) => `${client}:${clock + i}`),
    ),
  );
}

/** A client with one document, which reconnects whenever its network fails. */
class Person {
  readonly id: number;
  readonly doc = new Y.Doc();
  readonly room: Scene;
  connections: PersonConnection[] = [];

  constructor(id: number, room: Scene) {
    this.id = id;
    this.room = room;
    this.doc.clientID = id;
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "server") return;
      for (const one of deletions(update)) {
        const known = room.deleted.get(one) ?? {
          authors: new Set(),
          offset: Number.POSITIVE_INFINITY,
        };
        known.authors.add(id);
        room.deleted.set(one, known);
      }
      this.live?.toServer.push(update);
    });
  }

  get live(): PersonConnection | undefined {
    return this.connections.find(({ isDead }) => !isDead);
  }

  /** Reconnects while the server still considers the old connection open. */
  async comeBack(): Promise<void> {
    for (const one of this.connections) one.isDead = true;
    const connection = new PersonConnection(this);
    this.connections.push(connection);
    await connection.join();
  }
}

class PersonConnection implements Sink {
  writable = true;
  isDead = false;
  /** Messages from the client that the server has not read: updates, and numbers of answered pings. */
  toServer: (Uint8Array | number)[] = [];
  /** Pings that have not reached the client. */
  pings: number[] = [];
  asked = 0;
  /** How often its state vector was answered. */
  answers = 0;
  readonly #person: Person;
  readonly subscriber: Subscriber;

  constructor(person: Person) {
    this.#person = person;
    this.subscriber = person.room.document.attach(this);
  }

  async join(): Promise<void> {
    const { doc, room, id } = this.#person;
    this.write([room.document.stateVectorFrame()]);
    await room.document.answer(this.subscriber, Y.encodeStateVector(doc));
    expect(id).toBeGreaterThan(0);
  }

  prove(number: number): void {
    this.asked++;
    this.pings.push(number);
  }

  /** The client answers one ping, if it is still alive. */
  answerPing(): void {
    const number = this.pings.shift();
    if (number !== undefined && !this.isDead) this.toServer.push(number);
  }

  /** The server reads one message. */
  read(): void {
    const one = this.toServer.shift();
    if (one === undefined || !this.isAttached) return;
    const { room, id } = this.#person;
    if (typeof one === "number") room.document.proved(this.subscriber, one);
    else room.append(one, this.subscriber, id);
  }

  get isAttached(): boolean {
    return this.#person.room.document.subscribers.has(this.subscriber);
  }

  detach(): void {
    this.#person.room.document.detach(this.subscriber, 0);
    this.isDead = true;
  }

  write(frames: readonly Uint8Array[]): void {
    const { doc, room, id } = this.#person;
    for (const message of decodeFrames(frames)) {
      if (message.type === "state-vector" && !this.isDead) {
        room.append(Y.encodeStateAsUpdate(doc, message.stateVector), null, id);
      }
      if (message.type !== "update" && message.type !== "diff") continue;
      if (message.type === "diff") this.answers++;
      // This includes a connection that seems dead: it may only have been slow.
      room.check(message.update, this.#person);
      if (!this.isDead) Y.applyUpdate(doc, message.update, "server");
    }
  }

  probe(): void {}
  close(): void {}
}

const PEOPLE = 3;
const step = (weight: number, name: string) => ({
  weight,
  arbitrary: fc.record({
    do: fc.constant(name),
    person: fc.nat({ max: PEOPLE - 1 }),
    at: fc.nat(),
  }),
});
const steps = fc.array(
  fc.oneof(
    step(6, "insert"),
    step(3, "delete"),
    step(10, "read"),
    step(3, "answer a ping"),
    step(4, "flush"),
    step(2, "become durable"),
    step(2, "come back"),
    step(1, "detach"),
    step(2, "wait"),
    step(1, "compact"),
    step(1, "block"),
    step(2, "stall"),
    step(1, "work"),
  ),
  { minLength: 10, maxLength: 120 },
);

interface Step {
  readonly do: string;
  readonly person: number;
  readonly at: number;
}

async function perform(room: Scene, people: Person[], { do: name, person, at }: Step) {
  const { document } = room;
  const one = people[person];
  if (one === undefined) throw new Error(`no person ${person}`);
  const connection = one.connections[at % Math.max(1, one.connections.length)];
  const text = one.doc.getText("text");
  switch (name) {
    case "insert":
      text.insert(at % (text.length + 1), "ab");
      break;
    case "delete":
      if (text.length > 0) text.delete(at % text.length, 1);
      break;
    case "read":
      connection?.read();
      break;
    case "answer a ping":
      connection?.answerPing();
      break;
    case "flush":
      document.flush();
      break;
    case "become durable": {
      const { durable, end } = document.log;
      document.committed({ rows: [], end: durable + Math.ceil(((end - durable) * (at % 4)) / 3) });
      break;
    }
    case "come back":
      room.joining.push(one.comeBack());
      break;
    case "detach":
      connection?.detach();
      break;
    case "wait":
      vi.advanceTimersByTime(at % 1_500);
      break;
    case "compact":
      await document.compact();
      break;
    case "block":
      if (connection === undefined) break;
      connection.writable = at % 3 === 0;
      if (connection.writable) document.resume(connection.subscriber);
      break;
    case "stall":
    case "work":
      room.slow = name === "stall";
      break;
  }
}

/** Everything recovers: dead connections end, and clients that lost theirs reconnect. */
async function settle(room: Scene, people: Person[]): Promise<void> {
  const { document } = room;
  for (const one of people) {
    for (const connection of one.connections) {
      while (connection.toServer.length > 0) connection.read();
      if (connection.isDead) connection.detach();
      connection.writable = true;
    }
    if (one.live === undefined) room.joining.push(one.comeBack());
  }
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all(room.joining);
  for (let i = 0; i < 3; i++) {
    vi.advanceTimersByTime(1_000);
    for (const { live } of people) {
      while (live !== undefined && live.pings.length > 0) live.answerPing();
      while (live !== undefined && live.toServer.length > 0) live.read();
    }
    document.committed({ rows: [], end: document.log.end });
    document.flush();
  }
}

describe("an update that is not durable", () => {
  it("is never sent to its possible authors, and eventually reaches all clients", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (actions) => {
        const room = new Scene();
        const people = Array.from({ length: PEOPLE }, (_, i) => new Person(i + 1, room));
        for (const one of people) await one.comeBack();
        for (const action of actions) await perform(room, people, action);
        await settle(room, people);
        const [first] = people;
        for (const { doc } of people) {
          expect(doc.getText("text").toString()).toBe(first?.doc.getText("text").toString());
          expect(Y.encodeStateVector(doc)).toEqual(Y.encodeStateVector(first?.doc ?? doc));
        }
        for (const { connections } of people) {
          for (const { subscriber, isDead } of connections) {
            if (isDead) continue;
            expect(subscriber.suspects).toBeNull();
            expect(subscriber.owedFrom).toBe(Number.POSITIVE_INFINITY);
          }
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 1_000) },
    );
  });

  /** Two clients in a room whose journal is down. */
  async function pair(): Promise<{ room: Scene; a: Person; b: Person }> {
    const room = new Scene();
    room.slow = true;
    const [a, b] = [1, 2].map((id) => new Person(id, room));
    if (a === undefined || b === undefined) throw new Error("two people expected");
    await a.comeBack();
    await b.comeBack();
    return { room, a, b };
  }

  const readAll = (one: Person) => {
    const { live } = one;
    while (live !== undefined && live.toServer.length > 0) live.read();
  };

  const prove = (one: Person) => {
    while ((one.live?.pings.length ?? 0) > 0) one.live?.answerPing();
    readAll(one);
  };

  it("reaches other clients once the older connection has answered a ping", async () => {
    const { room, a, b } = await pair();
    a.doc.getText("text").insert(0, "a");
    readAll(a);
    room.document.flush();
    expect(b.doc.getText("text").toString()).toBe("");
    vi.advanceTimersByTime(1_000);
    prove(a);
    room.document.flush();
    expect(b.doc.getText("text").toString()).toBe("a");
    b.doc.getText("text").insert(1, "b");
    readAll(b);
    room.document.flush();
    expect(a.doc.getText("text").toString()).toBe("ab");
  });

  it("delays a newcomer's answer if it is the first content, so that nobody fills the document twice", async () => {
    const { room, a } = await pair();
    a.doc.getText("text").insert(0, "a");
    readAll(a);
    const late = new Person(3, room);
    const joined = late.comeBack();
    vi.advanceTimersByTime(0);
    expect(late.live?.answers).toBe(0);
    prove(a);
    await joined;
    expect(late.live?.answers).toBe(1);
    expect(late.doc.getText("text").toString()).toBe("a");
    // A dead connection does not answer its ping.
    const later = new Person(4, room);
    const answered = later.comeBack();
    await vi.advanceTimersByTimeAsync(1_000);
    await answered;
    expect(later.doc.getText("text").toString()).toBe("");
  });

  it("is not sent to its author's old connection, which may only seem dead", async () => {
    const { room, a } = await pair();
    const [old] = a.connections;
    await a.comeBack();
    a.doc.getText("text").insert(0, "a");
    readAll(a);
    const written = vi.fn();
    if (old !== undefined) old.write = written;
    room.document.flush();
    expect(written).not.toHaveBeenCalled();
  });

  it("is not sent to another connection that writes for the same Yjs client", async () => {
    const { room, a, b } = await pair();
    vi.advanceTimersByTime(1_000);
    prove(a);
    // Both connections belong to providers of one document: each sends what is written in it.
    const write = (content: string) => {
      a.doc.getText("text").insert(0, content);
      const update = a.live?.toServer.at(-1);
      if (typeof update !== "object") throw new Error("update expected");
      readAll(a);
      if (b.live !== undefined) room.append(update, b.live.subscriber, a.id);
    };
    write("a");
    const shown: Uint8Array[] = [];
    for (const { live } of [a, b]) {
      if (live !== undefined) live.write = (frames) => void shown.push(...frames);
    }
    room.document.flush();
    write("b");
    room.document.flush();
    expect(shown).toEqual([]);
    room.document.committed({ rows: [], end: room.document.log.end });
    room.document.flush();
    expect(shown.length).toBeGreaterThan(0);
  });

  it("is withheld from all clients if it contains changes of several", async () => {
    const { room, a, b } = await pair();
    vi.advanceTimersByTime(1_000);
    prove(a);
    const others = [8, 9].map((id) => {
      const doc = new Y.Doc();
      doc.clientID = id;
      doc.getText("text").insert(0, "x");
      return Y.encodeStateAsUpdate(doc);
    });
    room.append(Y.mergeUpdates(others), a.live?.subscriber ?? null, a.id);
    room.document.flush();
    expect(b.doc.getText("text").toString()).toBe("");
    room.document.committed({ rows: [], end: room.document.log.end });
    room.document.flush();
    expect(b.doc.getText("text").toString()).toBe("xx");
  });

  it("costs at most one ping per client of a joining crowd, and nothing afterwards", async () => {
    const room = new Scene();
    const people = Array.from({ length: 200 }, (_, i) => new Person(i + 1, room));
    for (const one of people) await one.comeBack();
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(1_000);
      for (const one of people) prove(one);
    }
    const asked = people.map(({ live }) => live?.asked ?? 0);
    expect(Math.max(...asked)).toBe(1);
    // The last one need not be pinged: no client joined after it.
    expect(asked.reduce((sum, one) => sum + one)).toBe(people.length - 1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
