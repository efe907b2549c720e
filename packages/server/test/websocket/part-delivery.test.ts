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
import { isDiff, splitFrames, updateOf } from "../../src/room/split-frames.ts";
import { PartDelivery, type PartsSink } from "../../src/websocket/part-delivery.ts";
import { goesInParts, SharedParts } from "../../src/websocket/shared-parts.ts";
import { waitFor } from "../support/wait-for.ts";

const NOTHING = Uint8Array.of(0);

/** A client that takes as many parts as the test allows. */
class Client implements PartsSink {
  readonly room = "room";
  readonly doc = new Y.Doc();
  readonly frames: Frame[] = [];
  isFast = true;
  takes = 0;
  delivered = 0;
  isSynced = false;
  syncedWith = "";
  #delivery: PartDelivery;

  constructor(shared: SharedParts) {
    this.#delivery = new PartDelivery(this, shared);
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
  });
  return { shared, cuts };
}

/** A document of a megabyte, and an update made after it. */
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

describe("a long answer", () => {
  it("comes part by part, and the client is synced with the last one, when it has what is newer", async () => {
    const { base, later, text } = written();
    const client = new Client(parts().shared);
    client.add([later, base]);
    client.take(1);
    await waitFor(() => client.frames.length === 1, { message: "the first part" });
    client.take(2);
    expect(client.frames).toHaveLength(3);
    expect(client.isSynced).toBe(false);
    client.take(1_000);
    await waitFor(() => client.delivered === 1, { message: "everything is delivered" });
    expect(client.syncedWith).toBe(text);
    expect(client.frames.filter(isDiff)).toEqual(client.frames.slice(-1));
  });

  it("comes in small parts to a slow client, and is cut once for all who are alike", async () => {
    const { base } = written();
    const { shared, cuts } = parts();
    const clients = Array.from({ length: 4 }, () => new Client(shared));
    for (const [i, client] of clients.entries()) {
      client.isFast = i < 2;
      client.add([base]);
      client.take(1_000);
    }
    await waitFor(() => clients.every(({ delivered }) => delivered === 1), {
      message: "delivered",
    });
    const largest = clients.map(({ frames }) => Math.max(...frames.map(({ length }) => length)));
    expect(largest[0]).toBeGreaterThan(256 * 1024);
    expect(largest[2]).toBeLessThan(65 * 1024);
    expect(cuts).toEqual([true, false]);
    expect(clients.every(({ isSynced }) => isSynced)).toBe(true);
  });

  it("is not cut up to 256 KB: an editor that is bound early must not see a part of a usual document", async () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "x".repeat(250_000));
    const frame = frameDiff(Y.encodeStateAsUpdate(doc)).frame;
    const { shared, cuts } = parts();
    const client = new Client(shared);
    client.add([frame]);
    client.take(10);
    await waitFor(() => client.delivered === 1, { message: "delivered" });
    expect(client.frames).toEqual([frame]);
    expect(cuts).toEqual([]);
  });

  it("comes whole when it cannot be split", async () => {
    const { base, text } = written();
    const client = new Client(new SharedParts(() => Promise.reject(new Error("it took too long"))));
    client.add([base]);
    client.take(10);
    await waitFor(() => client.delivered === 1, { message: "delivered" });
    expect(client.frames).toEqual([base]);
    expect(text).toContain(client.syncedWith);
  });

  it("is not taken for one when it is a long state vector", async () => {
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

  it("leaves out of an update what the client has of it", async () => {
    const { base, text } = written();
    const update = frameUpdate(updateOf(base)).frame;
    const { shared } = parts();
    const [first, again] = [new Client(shared), new Client(shared)];
    first.add([update]);
    first.take(3);
    await waitFor(() => first.frames.length === 3, { message: "three parts have come" });
    Y.applyUpdate(again.doc, Y.encodeStateAsUpdate(first.doc));
    again.add([update], Y.encodeStateVector(again.doc));
    again.take(1_000);
    await waitFor(() => again.delivered === 1, { message: "delivered" });
    const bytes = [...first.frames, ...again.frames].reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThan(1.02 * update.length);
    expect(text).toContain(again.doc.getText("text").toString());
  });

  it("is given up when the client is gone, also while it is being cut", async () => {
    const { base } = written();
    const { shared, cuts } = parts();
    const [soon, late] = [new Client(shared), new Client(shared)];
    for (const client of [soon, late]) {
      client.add([base]);
      client.take(2);
    }
    soon.cancel();
    await waitFor(() => late.frames.length === 2, { message: "the other has two parts" });
    late.cancel();
    late.take(1_000);
    expect([soon.frames.length, late.frames.length]).toEqual([0, 2]);
    expect(soon.delivered + late.delivered).toBe(0);
    expect(cuts).toEqual([true]);
  });

  it("is followed by what was added meanwhile; presence does not wait for it", async () => {
    const { base, later, text } = written();
    const client = new Client(parts().shared);
    const awareness = frameAwareness(Uint8Array.of(0));
    client.add([base, awareness]);
    client.add([later]);
    client.take(1_000);
    await waitFor(() => client.delivered === 1, { message: "delivered" });
    expect(client.frames[0]).toBe(awareness);
    expect(client.frames.at(-1)).toBe(later);
    expect(client.doc.getText("text").toString()).toBe(text);
  });
});
