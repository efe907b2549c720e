import { pino } from "pino";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  type Frame,
  frameAwareness,
  frameDiff,
  frameStateVector,
  frameUpdate,
} from "../../src/protocol/frame.ts";
import { messageOf } from "../../src/protocol/message-of-frame.ts";
import { encodeStateVector } from "../../src/protocol/state-vector.ts";
import { isDiff, splitFrames, updateOf } from "../../src/room/updates/split-frames.ts";
import { FairTurns } from "../../src/websocket/fair-turns.ts";
import { PartDelivery, type PartsSink } from "../../src/websocket/part-delivery.ts";
import { goesInParts, SharedParts } from "../../src/websocket/shared-parts.ts";
import { waitFor } from "../support/wait-for.ts";

const NOTHING = Uint8Array.of(0);
const silent = pino({ level: "silent" });

/** A client that accepts as many parts as the test allows. */
class Client implements PartsSink {
  readonly room = "room";
  readonly address = "192.0.2.1";
  readonly doc = new Y.Doc();
  readonly frames: Frame[] = [];
  isFast = true;
  takes = 0;
  delivered = 0;
  isSynced = false;
  syncedWith = "";
  #delivery: PartDelivery;

  constructor(shared: SharedParts, turns: FairTurns = new FairTurns(1_000)) {
    this.#delivery = new PartDelivery(this, shared, turns);
  }

  get takesPart(): boolean {
    return this.frames.length < this.takes;
  }

  sendPart(frame: Frame): void {
    this.frames.push(frame);
    if (messageOf(frame)[0] !== 0) return;
    Y.applyUpdate(this.doc, updateOf(frame));
    expect(this.doc.store.pendingStructs).toBe(null);
    if (!isDiff(frame) || this.isSynced) return;
    this.isSynced = true;
    this.syncedWith = this.doc.getText("text").toString();
  }

  onDelivered(): void {
    this.delivered++;
  }

  add(frames: readonly Frame[], known: Uint8Array = NOTHING): void {
    this.#delivery.add(frames, known);
  }

  take(parts: number): void {
    this.takes += parts;
    this.#delivery.pump();
  }

  cancel(): void {
    this.#delivery.cancel();
  }
}

function parts(): { shared: SharedParts; cuts: boolean[] } {
  const cuts: boolean[] = [];
  const shared = new SharedParts(async (_room, frame, known, forFast) => {
    cuts.push(forFast);
    return splitFrames(updateOf(frame), known, isDiff(frame), forFast);
  }, silent);
  return { shared, cuts };
}

/** A document of one megabyte and a later update. */
function written(): { base: Frame; later: Frame; text: string } {
  const doc = new Y.Doc();
  const text = doc.getText("text");
  for (let i = 0; i < 100; i++) text.insert(i * 7, `${i} `.repeat(4_000));
  const base = frameDiff(Y.encodeStateAsUpdate(doc)).frame;
  const vector = Y.encodeStateVector(doc);
  text.insert(text.length, "the end");
  return {
    base,
    later: frameUpdate(Y.encodeStateAsUpdate(doc, vector)).frame,
    text: text.toString(),
  };
}

describe("a large response", () => {
  it("is sent in parts; the client has synced with the last one, including newer updates", async () => {
    const { base, later, text } = written();
    const client = new Client(parts().shared);
    client.add([later, base]);
    client.take(1);
    await waitFor(() => client.frames.length === 1, { message: "the first part has arrived" });
    client.take(2);
    expect(client.frames).toHaveLength(3);
    expect(client.isSynced).toBe(false);
    client.take(1_000);
    await waitFor(() => client.delivered === 1, { message: "all parts have been delivered" });
    expect(client.syncedWith).toBe(text);
    expect(client.frames.filter(isDiff)).toEqual(client.frames.slice(-1));
  });

  it("is sent in small parts to slow clients, and split once per client speed", async () => {
    const { base } = written();
    const { shared, cuts } = parts();
    const clients = Array.from({ length: 4 }, () => new Client(shared));
    for (const [i, client] of clients.entries()) {
      client.isFast = i < 2;
      client.add([base]);
      client.take(1_000);
    }
    await waitFor(() => clients.every(({ delivered }) => delivered === 1), {
      message: "all clients have received everything",
    });
    const largest = clients.map(({ frames }) => Math.max(...frames.map(({ length }) => length)));
    expect(largest[0]).toBeGreaterThan(256 * 1024);
    expect(largest[2]).toBeLessThan(65 * 1024);
    expect(cuts).toEqual([true, false]);
    expect(clients.every(({ isSynced }) => isSynced)).toBe(true);
  });

  it("is sent to many clients a few parts per turn of the event loop", async () => {
    const { base } = written();
    const { shared } = parts();
    const turns = new FairTurns(4);
    const clients = Array.from({ length: 20 }, () => new Client(shared, turns));
    for (const client of clients) {
      client.add([base]);
      client.take(1_000);
    }
    const count = () => clients.reduce((sum, { frames }) => sum + frames.length, 0);
    let before = count();
    while (clients.some(({ delivered }) => delivered === 0)) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(count() - before).toBeLessThanOrEqual(4);
      before = count();
    }
    expect(clients.every(({ isSynced }) => isSynced)).toBe(true);
  });

  it("is not split up to 256 KB: editors bound early must not see parts of ordinary documents", async () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "x".repeat(250_000));
    const frame = frameDiff(Y.encodeStateAsUpdate(doc)).frame;
    const { shared, cuts } = parts();
    const client = new Client(shared);
    client.add([frame]);
    client.take(10);
    await waitFor(() => client.delivered === 1, { message: "all parts have been delivered" });
    expect(client.frames).toEqual([frame]);
    expect(cuts).toEqual([]);
  });

  it("is sent whole if it cannot be split", async () => {
    const { base, text } = written();
    const split = () => Promise.reject(new Error("it took too long"));
    const client = new Client(new SharedParts(split, silent));
    client.add([base]);
    client.take(10);
    await waitFor(() => client.delivered === 1, { message: "all parts have been delivered" });
    expect(client.frames).toEqual([base]);
    expect(text).toContain(client.syncedWith);
  });

  it("that cannot be split is logged once, however many clients are sent it", async () => {
    const logs: { readonly level: number; readonly room: string; readonly reason: string }[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => logs.push(JSON.parse(line)) });
    const split = () => Promise.reject(new Error("it took too long"));
    const shared = new SharedParts(split, logger);
    const clients = [written().base, written().base].map((base) => {
      const client = new Client(shared);
      client.add([base]);
      client.take(10);
      return client;
    });
    await waitFor(() => clients.every(({ delivered }) => delivered === 1), {
      message: "all clients have received everything",
    });
    expect(logs).toMatchObject([{ level: 40, room: "room", reason: "it took too long" }]);
  });

  it("is not split if it is a long state vector", async () => {
    const { shared, cuts } = parts();
    const client = new Client(shared);
    const vector = Array.from({ length: 120_000 }, (_, i) => [i, 1] as const);
    const frame = frameStateVector(encodeStateVector(new Map(vector)));
    expect(frame.length).toBeGreaterThan(256 * 1024);
    expect(goesInParts([frame], false)).toBe(true);
    client.sendPart = (part) => client.frames.push(part);
    client.add([frame]);
    client.take(10);
    expect(client.frames).toEqual([frame]);
    expect(cuts).toEqual([]);
  });

  it("omits the parts of an update that the client has", async () => {
    const { base, text } = written();
    const update = frameUpdate(updateOf(base)).frame;
    const { shared } = parts();
    const [first, again] = [new Client(shared), new Client(shared)];
    first.add([update]);
    first.take(3);
    await waitFor(() => first.frames.length === 3, { message: "three parts have arrived" });
    Y.applyUpdate(again.doc, Y.encodeStateAsUpdate(first.doc));
    again.add([update], Y.encodeStateVector(again.doc));
    again.take(1_000);
    await waitFor(() => again.delivered === 1, { message: "all parts have been delivered" });
    const bytes = [...first.frames, ...again.frames].reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThan(1.02 * update.length);
    expect(text).toContain(again.doc.getText("text").toString());
  });

  it("is abandoned when the client disconnects, even while it is being split", async () => {
    const { base } = written();
    const { shared, cuts } = parts();
    const [soon, late] = [new Client(shared), new Client(shared)];
    for (const client of [soon, late]) {
      client.add([base]);
      client.take(2);
    }
    soon.cancel();
    await waitFor(() => late.frames.length === 2, { message: "the other client has two parts" });
    late.cancel();
    late.take(1_000);
    expect([soon.frames.length, late.frames.length]).toEqual([0, 2]);
    expect(soon.delivered + late.delivered).toBe(0);
    expect(cuts).toEqual([true]);
  });

  it("is followed by updates added meanwhile; awareness is not delayed", async () => {
    const { base, later, text } = written();
    const client = new Client(parts().shared);
    const awareness = frameAwareness([]);
    client.add([base, awareness]);
    client.add([later]);
    client.take(1_000);
    await waitFor(() => client.delivered === 1, { message: "all parts have been delivered" });
    expect(client.frames[0]).toBe(awareness);
    expect(client.frames.at(-1)).toBe(later);
    expect(client.doc.getText("text").toString()).toBe(text);
  });
});
