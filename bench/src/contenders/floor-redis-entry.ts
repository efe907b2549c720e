/**
 * The least that several relays on `ws` and Redis can do for rooms that are open on all of them. At
 * the same intervals as Symphony, they publish what a room's members sent, as one message per room,
 * and write to each member what the others sent, with one write. They have no documents, check
 * nothing, detect no gaps and store nothing.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { createClient } from "redis";
import { awarenessMessage, MESSAGE_AWARENESS } from "../client/messages.ts";
import { type FloorRoom, PresenceClocks, serveFloor, serverFrame } from "./floor-server.ts";

const TICK_MS = 10;
const PRESENCE_MS = 10;

/** A relay that loses something is no valid floor, so the run fails. */
function giveUp(error: unknown): void {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}

/** Who sent a message: a member, or another server. */
type Sender = Duplex | "elsewhere";

const me = randomBytes(8);
const url = process.env.REDIS_URL;
if (url === undefined) throw new Error("REDIS_URL is not set: it must be the URL of Redis");
const redis = createClient({ url, RESP: 3 });
redis.on("error", giveUp);
await redis.connect();

class GatheringRoom implements FloorRoom {
  readonly name: string;
  readonly members: Set<Duplex> = new Set();
  readonly #clocks: PresenceClocks = new PresenceClocks();
  /** Messages for the other servers, each preceded by its length. */
  #published: Buffer[] = [];
  #updates: { readonly sender: Sender; readonly frame: Buffer }[] = [];
  readonly #presence: Map<number, { readonly sender: Sender; readonly entry: Buffer }> = new Map();
  #presenceSentAt = 0;

  constructor(name: string) {
    this.name = name;
    redis.subscribe(name, (message) => this.#receive(message), true).catch(giveUp);
  }

  takeUpdate(message: Buffer, sender: Sender): void {
    this.#updates.push({ sender, frame: serverFrame(message) });
    if (sender !== "elsewhere") this.#publish(message);
    flushSoon(this);
  }

  takePresence(message: Buffer, sender: Sender): void {
    const isNew = this.#clocks.take(message, (client, entry) =>
      this.#presence.set(client, { sender, entry }),
    );
    if (!isNew) return;
    if (sender !== "elsewhere") this.#publish(message);
    flushSoon(this);
  }

  /** @returns whether presence is left for a later flush */
  flush(now: number): boolean {
    if (this.#published.length > 0) {
      redis.publish(this.name, Buffer.concat([me, ...this.#published])).catch(giveUp);
      this.#published = [];
    }
    const withPresence = this.#presenceSentAt + PRESENCE_MS <= now + TICK_MS / 2;
    for (const member of this.members) this.#writeTo(member, withPresence);
    this.#updates = [];
    if (withPresence) {
      this.#presence.clear();
      this.#presenceSentAt = now;
    }
    return this.#presence.size > 0;
  }

  #writeTo(member: Duplex, withPresence: boolean): void {
    const frames = this.#updates
      .filter(({ sender }) => sender !== member)
      .map(({ frame }) => frame);
    const entries: Buffer[] = [];
    if (withPresence) {
      for (const { sender, entry } of this.#presence.values()) {
        if (sender !== member) entries.push(entry);
      }
    }
    if (entries.length > 0) frames.push(serverFrame(awarenessMessage(entries)));
    if (frames.length > 0) member.write(Buffer.concat(frames));
  }

  #publish(message: Buffer): void {
    const size = Buffer.allocUnsafe(2);
    size.writeUInt16BE(message.length);
    this.#published.push(size, message);
  }

  #receive(published: Buffer): void {
    if (published.subarray(0, me.length).equals(me)) return;
    for (let place = me.length; place < published.length; ) {
      const start = place + 2;
      place = start + published.readUInt16BE(place);
      const message = published.subarray(start, place);
      if (message[0] === MESSAGE_AWARENESS) this.takePresence(message, "elsewhere");
      else this.takeUpdate(message, "elsewhere");
    }
  }
}

const waiting = new Set<GatheringRoom>();
let isScheduled = false;
let flushedAt = 0;

function flushSoon(room: GatheringRoom): void {
  waiting.add(room);
  if (isScheduled) return;
  isScheduled = true;
  const delay = flushedAt + TICK_MS - performance.now();
  if (delay > 0) setTimeout(flushAll, delay);
  else setImmediate(flushAll);
}

function flushAll(): void {
  flushedAt = performance.now();
  for (const room of waiting) {
    if (!room.flush(flushedAt)) waiting.delete(room);
  }
  isScheduled = waiting.size > 0;
  if (isScheduled) setTimeout(flushAll, TICK_MS);
}

serveFloor((name) => new GatheringRoom(name));
