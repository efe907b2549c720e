import fc from "fast-check";
import { type Logger, pino } from "pino";
import { afterAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { NO_OBSERVER } from "../../src/hooks/server-observer.ts";
import { inspectUpdate } from "../../src/protocol/update.ts";
import { FanoutScheduler } from "../../src/room/fanout/fanout-scheduler.ts";
import { type Compaction, EMPTY_BASE, makeBase } from "../../src/room/log/base.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import { JournalWriter } from "../../src/room/persistence/journal-writer.ts";
import { Room } from "../../src/room/room.ts";
import type { RoomReplicator, RoomServices } from "../../src/room/room-services.ts";
import { RoomStats } from "../../src/room/room-stats.ts";
import type { Sink, Subscriber } from "../../src/room/subscriber.ts";
import type { UpdateTasks } from "../../src/room/workers/update-tasks.ts";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { MemoryStore } from "../../src/storage/memory/memory-store.ts";
import { decodeFrames } from "../support/frames.ts";
import { PROMPT_PUBLISHING } from "../support/prompt-publishing.ts";
import { withOverrides } from "../support/wrap-part.ts";

const workers = new UpdateWorkers();
afterAll(() => workers.close());
const logger: Logger = pino({ level: "silent" });

/** A journal that commits when the test triggers it, and can be declared slow. */
function services(): RoomServices & {
  slow: boolean;
  scheduled: boolean;
  compaction: Compaction;
} {
  const stats = new RoomStats();
  const self = {
    slow: false,
    scheduled: false,
    workers,
    compaction: "collect" as Compaction,
    stats,
    // The test flushes explicitly; at the end only if the room has asked for it.
    publishing: PROMPT_PUBLISHING,
    scheduler: new (class extends FanoutScheduler {
      override schedule(): void {
        self.scheduled = true;
      }
    })(stats),
    observer: NO_OBSERVER,
    journal: {
      get slow() {
        return self.slow;
      },
      enqueue() {},
    },
  };
  return self;
}

/** No other server holds the room. */
const NO_OTHERS: RoomReplicator = {
  active: false,
  isSnapshotLeader: true,
  add: () => {},
  flush: () => {},
  probe: () => {},
};

/** A client: a `Y.Doc` behind a subscriber whose sink can be blocked. */
class Client implements Sink {
  readonly doc = new Y.Doc();
  writable = true;
  subscriber: Subscriber | undefined;
  /** Its own updates that have not reached the server; they may arrive in any order. */
  unsent: Uint8Array[] = [];
  /** The number of updates with its own changes that it has been sent. */
  echoes = 0;
  readonly #document: Room;
  /** Returns a client's clock below which the server may echo its updates. */
  readonly #durableClock: (client: number) => number;

  constructor(clientId: number, document: Room, durableClock: (client: number) => number) {
    this.doc.clientID = clientId;
    this.#document = document;
    this.#durableClock = durableClock;
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== "server") this.unsent.push(update);
    });
  }

  /**
   * @param early accepts the client's unsent updates before its state vector is answered; they
   *   become durable while the answer is prepared
   */
  async join(early?: (update: Uint8Array, from: Client) => void): Promise<void> {
    this.subscriber = this.#document.attach(this);
    if (early !== undefined) for (const update of this.unsent.splice(0)) early(update, this);
    const compacted = early !== undefined && this.#document.compact();
    const answered = this.#document.answer(this.subscriber, Y.encodeStateVector(this.doc));
    if (early !== undefined) {
      this.#document.committed({ rows: [], end: this.#document.log.end });
      this.#document.flush();
    }
    await Promise.all([compacted, answered]);
  }

  leave(): void {
    if (this.subscriber !== undefined) this.#document.detach(this.subscriber, 0);
    this.subscriber = undefined;
  }

  probe(): void {}
  close(): void {}

  write(frames: readonly Uint8Array[]): void {
    for (const message of decodeFrames(frames)) {
      if (message.type !== "update" && message.type !== "diff") continue;
      const { to } = Y.parseUpdateMeta(message.update);
      if (message.type === "update") {
        const echoed = to.get(this.doc.clientID) ?? 0;
        expect(echoed).toBeLessThanOrEqual(this.#durableClock(this.doc.clientID));
        if (echoed > 0) this.echoes++;
      }
      Y.applyUpdate(this.doc, message.update, "server");
    }
  }
}

const CLIENTS = 4;
const client = fc.nat({ max: CLIENTS - 1 });
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("edit" as const),
      client,
      at: fc.nat(),
      text: fc.string({ minLength: 1, maxLength: 6, unit: "grapheme" }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), client, at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("set" as const), client, at: fc.nat() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      client,
      pick: fc.nat(),
      again: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("send elsewhere" as const), client, pick: fc.nat() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("durable" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("compact" as const),
      compaction: fc.constantFrom<Compaction>("join", "collect"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("block" as const), client, writable: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), stalled: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("return" as const), client }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("rejoin" as const), client, early: fc.boolean() }),
  },
);

function edit(doc: Y.Doc, at: number, text: string): void {
  const target = doc.getText("text");
  target.insert(at % (target.length + 1), text);
}

describe("a document", () => {
  it("gives all subscribers and late joiners the same content as Yjs itself", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 120 }), async (actions) => {
        const own = services();
        const document = new Room("room", EMPTY_BASE, own, NO_OTHERS);
        const truth = new Y.Doc();
        /** Per client, the clock up to which each appended update reaches, with its offset. */
        const appended: { offset: number; client: number; to: number }[] = [];
        const durableClock = (id: number) =>
          Math.max(
            0,
            ...appended
              .filter((one) => one.client === id && one.offset < document.log.durable)
              .map((one) => one.to),
          );
        const clients = Array.from({ length: CLIENTS }, (_, i) => {
          return new Client(i + 1, document, durableClock);
        });
        const pick = (i: number): Client => clients[i] ?? new Client(0, document, durableClock);
        const note = (update: Uint8Array) => {
          for (const [id, to] of Y.parseUpdateMeta(update).to) {
            appended.push({ offset: document.log.end, client: id, to });
          }
        };
        const append = (update: Uint8Array, from: Client) => {
          note(update);
          document.submit(update, from.subscriber?.origin ?? UNKNOWN);
          Y.applyUpdate(truth, update);
        };
        for (const one of clients) await one.join();
        for (const one of actions) {
          switch (one.do) {
            case "edit":
              edit(pick(one.client).doc, one.at, one.text);
              break;
            case "delete": {
              const text = pick(one.client).doc.getText("text");
              if (text.length > 0) text.delete(one.at % text.length, 1);
              break;
            }
            case "set":
              pick(one.client)
                .doc.getMap("map")
                .set(`key${one.at % 3}`, one.at);
              break;
            case "send": {
              const from = pick(one.client);
              const [update] = from.unsent.splice(one.pick % Math.max(1, from.unsent.length), 1);
              if (update === undefined || from.subscriber === undefined) break;
              append(update, from);
              if (one.again) append(update, from);
              break;
            }
            case "send elsewhere": {
              // As if sent through another tab: it is durable there, and arrives from another server.
              const from = pick(one.client);
              const [update] = from.unsent.splice(one.pick % Math.max(1, from.unsent.length), 1);
              if (update === undefined) break;
              for (const [id, to] of Y.parseUpdateMeta(update).to) {
                appended.push({ offset: -1, client: id, to });
              }
              document.receive(update, 0);
              Y.applyUpdate(truth, update);
              break;
            }
            case "flush":
              own.scheduled = false;
              document.flush();
              break;
            case "durable": {
              const { durable, end } = document.log;
              document.committed({
                rows: [],
                end: durable + Math.round((end - durable) * one.share),
              });
              break;
            }
            case "compact":
              own.compaction = one.compaction;
              await document.compact();
              break;
            case "block": {
              const blocked = pick(one.client);
              blocked.writable = one.writable;
              if (one.writable && blocked.subscriber !== undefined)
                document.resume(blocked.subscriber);
              break;
            }
            case "stall":
              own.slow = one.stalled;
              break;
            case "return": {
              // Everything a client has, including updates of others that have not been echoed to them.
              const update = Y.encodeStateAsUpdate(pick(one.client).doc);
              note(update);
              document.submit(update, UNKNOWN);
              Y.applyUpdate(truth, update);
              break;
            }
            case "rejoin": {
              const returning = pick(one.client);
              returning.leave();
              await returning.join(one.early ? append : undefined);
              break;
            }
          }
        }
        own.slow = false;
        for (const one of clients) {
          one.writable = true;
          if (one.subscriber !== undefined) document.resume(one.subscriber);
          for (const update of one.unsent.splice(0)) append(update, one);
        }
        document.committed({ rows: [], end: document.log.end });
        if (own.scheduled) document.flushUpdates();
        const late = new Client(99, document, durableClock);
        await late.join();
        await document.compact();
        const later = new Client(100, document, durableClock);
        await later.join();
        const expected = {
          text: truth.getText("text").toString(),
          map: truth.getMap("map").toJSON(),
        };
        for (const { doc } of [...clients, late, later]) {
          expect({ text: doc.getText("text").toString(), map: doc.getMap("map").toJSON() }).toEqual(
            expected,
          );
          expect(Y.encodeStateVector(doc)).toEqual(Y.encodeStateVector(truth));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("answers completely, even if it is compacted while the answer is prepared", async () => {
    /** Holds back the diff until the test releases it. */
    class SlowWorkers extends UpdateWorkers {
      release: () => void = () => {};
      override async run<Name extends keyof UpdateTasks>(
        room: string,
        task: Name,
        ...args: Parameters<UpdateTasks[Name]>
      ): Promise<ReturnType<UpdateTasks[Name]>> {
        if (task === "diff") await new Promise<void>((resolve) => (this.release = resolve));
        return super.run(room, task, ...args);
      }
    }
    const slow = new SlowWorkers();
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "base");
    const base = makeBase([Y.encodeStateAsUpdate(doc)], "merge");
    const document = new Room("room", base, { ...services(), workers: slow }, NO_OTHERS);
    const late = new Client(1, document, () => 0);
    Y.applyUpdate(late.doc, base.update, "server");
    const joined = late.join();
    doc.on("update", (update: Uint8Array) => document.submit(update, UNKNOWN));
    doc.getText("text").insert(4, " and tail");
    document.committed({ rows: [], end: document.log.end });
    await document.compact();
    slow.release();
    await joined;
    expect(late.doc.getText("text").toString()).toBe("base and tail");
  });

  it("does not echo a reconnected client's own updates before they are durable", async () => {
    const own = services();
    own.slow = true;
    const document = new Room("room", EMPTY_BASE, own, NO_OTHERS);
    const durable = { clock: 0 };
    const client = new Client(1, document, () => durable.clock);
    await client.join();
    client.doc.getText("text").insert(0, "a");
    for (const update of client.unsent)
      document.submit(update, client.subscriber?.origin ?? UNKNOWN);
    client.leave();
    await client.join();
    document.flush();
    expect(client.echoes).toBe(0);
    durable.clock = 1;
    document.committed({ rows: [], end: document.log.end });
    document.flush();
    expect(client.echoes).toBe(1);
  });

  it.each([
    { members: 8, overtakes: true },
    { members: 9, overtakes: false },
  ])(
    "with $members clients, others' updates overtake a client's own: $overtakes",
    async ({ members, overtakes }) => {
      const document = new Room("room", EMPTY_BASE, services(), NO_OTHERS);
      const durable = { clock: 0 };
      const clients = Array.from(
        { length: members },
        (_, i) => new Client(i + 1, document, () => durable.clock),
      );
      for (const client of clients) await client.join();
      const [first, second] = clients;
      if (first === undefined || second === undefined) throw new Error("no clients");
      for (const author of [first, second]) {
        author.doc.getMap("map").set(`from ${author.doc.clientID}`, true);
        for (const update of author.unsent)
          document.submit(update, author.subscriber?.origin ?? UNKNOWN);
      }
      document.flush();
      const sees = first.doc.getMap("map").has("from 2");
      expect([sees, first.echoes]).toEqual([overtakes, 0]);
      durable.clock = 1;
      document.committed({ rows: [], end: document.log.end });
      document.flush();
      for (const author of [first, second]) {
        expect(author.echoes).toBe(1);
        expect(author.doc.getMap("map").size).toBe(2);
      }
    },
  );

  it("schedules a flush for updates that are durable, which acknowledges them", async () => {
    const own = services();
    const document = new Room("room", EMPTY_BASE, own, NO_OTHERS);
    const durable = { clock: 0 };
    const author = new Client(1, document, () => durable.clock);
    await author.join();
    author.doc.getText("text").insert(0, "a");
    for (const update of author.unsent)
      document.submit(update, author.subscriber?.origin ?? UNKNOWN);
    document.flush();
    expect(author.echoes).toBe(0);
    own.scheduled = false;
    durable.clock = 1;
    document.committed({ rows: [], end: document.log.end });
    expect(own.scheduled).toBe(true);
    document.flush();
    expect(author.echoes).toBe(1);
  });

  it("keeps a long tail in few entries, without losing any of it", () => {
    const document = new Room("room", EMPTY_BASE, services(), NO_OTHERS);
    const doc = new Y.Doc();
    doc.on("update", (update: Uint8Array) => {
      document.submit(update, UNKNOWN);
      document.log.markDurable(document.log.end);
    });
    for (let i = 0; i < 5_000; i++) doc.getText("text").insert(i >> 1, "x");
    expect(document.log.tailLength).toBeLessThan(256);
    // Each is merged once for each level, not with every 64 that follow it.
    const spans = Array.from(document.log.entries(0, 5_000), ({ start, end }) => end - start);
    expect(new Set(spans)).toEqual(new Set([64 ** 2, 64, 1]));
    const base = makeBase(document.log.compactable().updates, "merge");
    const read = new Y.Doc();
    Y.applyUpdate(read, base.update);
    expect(read.getText("text").toString()).toBe(doc.getText("text").toString());
  });

  it("recognizes durable content that a client sends back, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 40 }),
        fc.nat(),
        (edits, cut) => {
          const document = new Room("room", EMPTY_BASE, services(), NO_OTHERS);
          const doc = new Y.Doc();
          const earlier: Uint8Array[] = [];
          doc.on("update", (update: Uint8Array) => document.submit(update, UNKNOWN));
          for (const [at, remove] of edits) {
            const text = doc.getText("text");
            if (remove && text.length > 0) text.delete(at % text.length, 1);
            else text.insert(at % (text.length + 1), "ab");
            earlier.push(Y.encodeStateAsUpdate(doc));
          }
          const returned = earlier[cut % earlier.length] ?? Uint8Array.of(0, 0);
          // Updates only in memory do not count: a client that sends one back may await an acknowledgement.
          expect(document.knows(returned, inspectUpdate(returned))).toBe(returned.length <= 2);
          document.committed({ rows: [], end: document.log.end });
          expect(document.knows(returned, inspectUpdate(returned))).toBe(true);
          // A client with only this much deletes a character: new, unless it has been deleted since.
          const other = new Y.Doc();
          Y.applyUpdate(other, returned);
          const { length } = other.getText("text");
          if (length > 0) other.getText("text").delete(cut % length, 1);
          const deletion = Y.encodeStateAsUpdate(other);
          const all = new Y.Doc();
          Y.applyUpdate(all, Y.encodeStateAsUpdate(doc));
          const before = Y.encodeStateAsUpdate(all);
          Y.applyUpdate(all, deletion);
          const changes = !Buffer.from(before).equals(Y.encodeStateAsUpdate(all));
          expect(document.knows(deletion, inspectUpdate(deletion))).toBe(!changes);
          other.getText("text").insert(0, "new");
          const insertion = Y.encodeStateAsUpdate(other);
          expect(document.knows(insertion, inspectUpdate(insertion))).toBe(false);
        },
      ),
    );
  });
});

describe("the journal writer", () => {
  it("retries failed writes, and marks updates durable only once they are written", async () => {
    const journal = new MemoryStore().openJournal();
    let failures = 3;
    const failing = withOverrides(journal, {
      append: async (rows) => {
        if (failures-- > 0) throw new Error("disk full");
        return journal.append(rows);
      },
    });
    const writer = new JournalWriter(failing, logger);
    const stats = new RoomStats();
    const document = new Room(
      "room",
      EMPTY_BASE,
      {
        workers,
        compaction: "collect",
        observer: NO_OBSERVER,
        publishing: PROMPT_PUBLISHING,
        scheduler: new FanoutScheduler(stats),
        journal: writer,
        stats,
      },
      NO_OTHERS,
    );
    writer.add(document);
    const doc = new Y.Doc();
    doc.on("update", (update: Uint8Array) => document.submit(update, UNKNOWN));
    doc.getText("text").insert(0, "a");
    doc.getText("text").insert(1, "b");
    expect(document.log.durable).toBe(0);
    await writer.flush();
    expect(document.log.durable).toBe(2);
    expect((await journal.read("room")).rows).toHaveLength(2);
    expect(writer.problem).toBeUndefined();
  });
});
