import { type Frame, type FramedUpdate, frameStateVector, frameUpdate } from "../protocol/frame.ts";
import {
  addRuns,
  decodeStateVector,
  encodeStateVector,
  type StateVector,
} from "../protocol/state-vector.ts";
import { inspectUpdate } from "../protocol/update.ts";
import type { Base } from "./base.ts";
import { mergeUpdates } from "./merge-updates.ts";
import type { Reader } from "./reader.ts";

/** One or more updates of the log's tail, from offset `start` up to, not including, `end`. */
export interface Entry extends FramedUpdate {
  readonly start: number;
  readonly end: number;
  readonly author: Author;
}

/**
 * Whose client wrote an update. `null` when it may be anybody's, as when several were merged.
 * `"elsewhere"`: it came from another server, or from the stores, and is durable already.
 */
export type Author = Reader | "elsewhere" | null;

/** Above this, an update is sent and kept on its own: merging it would take too long. */
const LARGE = 16 * 1024;
/** How many bytes of small updates are merged into one frame. */
const MERGED_BYTES = 64 * 1024;
/** This many small entries become one when the tail has twice as many. */
const SQUASH = 64;
/** So often at a time: it takes some milliseconds. */
const MOST_SQUASHES = 16;

/**
 * A document as a log: a compacted base, and a tail of updates with offsets. Every update gets the
 * next offset. Reading from an offset gives everything from there on, and possibly more: updates
 * merge, so what is read twice does no harm, and what is skipped does.
 *
 * `durable` is the offset below which everything survives a crash. Only what is durable is merged
 * or moved into the base, so every other entry keeps its author.
 */
export class Log {
  #base: Base;
  /** Everything below is in the base. */
  #baseEnd = 0;
  #tail: Entry[] = [];
  #tailBytes = 0;
  #end = 0;
  #durable = 0;
  #durableState: { vector: Uint8Array; frame: Frame; durable: number } | undefined;

  constructor(base: Base) {
    this.#base = base;
  }

  get base(): Base {
    return this.#base;
  }

  get baseEnd(): number {
    return this.#baseEnd;
  }

  /** The offset that the next update gets. */
  get end(): number {
    return this.#end;
  }

  get durable(): number {
    return this.#durable;
  }

  /** Encoded size of base and tail. */
  get bytes(): number {
    return this.#base.update.length + this.#tailBytes;
  }

  get tailBytes(): number {
    return this.#tailBytes;
  }

  get tailLength(): number {
    return this.#tail.length;
  }

  /** Adds a valid update; copies its bytes. */
  append(update: Uint8Array, author: Author): void {
    const start = this.#end++;
    this.#tail.push({ ...frameUpdate(update), start, end: this.#end, author });
    this.#tailBytes += update.length;
    if (author === "elsewhere" && start === this.#durable) this.markDurable(this.#end);
  }

  /** Everything below `offset` survives a crash, and what follows from elsewhere. */
  markDurable(offset: number): void {
    if (offset <= this.#durable) return;
    this.#durable = offset;
    for (const entry of this.entries(offset, this.#end)) {
      if (entry.author !== "elsewhere") break;
      this.#durable = entry.end;
    }
    for (let i = 0; i < MOST_SQUASHES && this.#squash(); i++);
  }

  /** The updates of the tail in `[from, to)`. */
  *entries(from: number, to: number): Generator<Entry> {
    for (let i = this.#indexOf(from); i < this.#tail.length; i++) {
      const entry = this.#tail[i];
      if (entry === undefined || entry.start >= to) return;
      yield entry;
    }
  }

  /** Leaves the entries of an author who is going away to anybody. */
  disown(author: Reader): void {
    this.#tail = this.#tail.map((entry) =>
      entry.author === author ? { ...entry, author: null } : entry,
    );
  }

  /** The offset of the first entry from `from` on that `author` wrote, else `Infinity`. */
  firstBy(author: Author, from: number): number {
    for (const entry of this.entries(from, this.#end)) {
      if (entry.author === author) return entry.start;
    }
    return Number.POSITIVE_INFINITY;
  }

  /**
   * Frames that hold everything in `[from, to)`; all of the document when the base has taken up
   * `from`. The base comes last: it is an answer to a state vector, and the first one that a client
   * gets says that it has everything.
   *
   * @param wanted leaves out the entries for which it is false
   */
  frames(from: number, to: number, wanted?: (entry: Entry) => boolean): Frame[] {
    const frames: Frame[] = [];
    let group: Entry[] = [];
    let groupBytes = 0;
    const closeGroup = () => {
      const [first] = group;
      if (first === undefined) return;
      const merged = group.length === 1 ? first : merge(group);
      if (merged === null) frames.push(...group.map((entry) => entry.frame));
      else frames.push(merged.frame);
      group = [];
      groupBytes = 0;
    };
    for (const entry of this.entries(from, to)) {
      if (wanted !== undefined && !wanted(entry)) continue;
      const bytes = entry.update.length;
      if (bytes > LARGE) {
        frames.push(entry.frame);
        continue;
      }
      if (groupBytes + bytes > MERGED_BYTES) closeGroup();
      group.push(entry);
      groupBytes += bytes;
    }
    closeGroup();
    if (from < this.#baseEnd) frames.push(this.#base.frame);
    return frames;
  }

  /** What is in the base, and below `limit` in the tail, without gaps. */
  stateVector(limit: number): StateVector {
    const vector = decodeStateVector(this.#base.stateVector);
    for (const entry of this.entries(this.#baseEnd, limit)) {
      if (entry.end > limit) break;
      addRuns(vector, inspectUpdate(entry.update).runs);
    }
    return vector;
  }

  /** The encoded state vector of what is durable, also in a frame; made anew only when more is. */
  describeDurable(): { vector: Uint8Array; frame: Frame } {
    const durable = this.#durable;
    if (this.#durableState?.durable !== durable) {
      const vector = encodeStateVector(this.stateVector(durable));
      this.#durableState = { vector, frame: frameStateVector(vector), durable };
    }
    return this.#durableState;
  }

  /** The encoded delete sets of what is durable in the tail. */
  durableDeletes(): Uint8Array[] {
    return [...this.entries(this.#baseEnd, this.#durable)].map(({ update }) =>
      update.subarray(inspectUpdate(update).deletesAt),
    );
  }

  /** The updates that compaction may put into the base: all that is durable. */
  compactable(): { end: number; updates: Uint8Array[] } {
    const updates = [this.#base.update];
    for (const entry of this.entries(this.#baseEnd, this.#durable)) updates.push(entry.update);
    return { end: this.#durable, updates };
  }

  /** Replaces the base by one that holds everything below `end`. */
  replaceBase(base: Base, end: number): void {
    if (end < this.#baseEnd) return;
    this.#base = base;
    this.#baseEnd = end;
    this.#tail = this.#tail.filter((entry) => entry.end > end);
    this.#tailBytes = this.#tail.reduce((sum, entry) => sum + entry.update.length, 0);
  }

  /** Index of the first entry that ends after `offset`. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#tail.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#tail[middle];
      if (entry !== undefined && entry.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Merges the oldest entries into one when there are many. @returns whether it did */
  #squash(): boolean {
    if (this.#tail.length < 2 * SQUASH) return false;
    const start = this.#tail.findIndex((entry) => entry.update.length <= LARGE);
    const oldest = this.#tail.slice(start, start + SQUASH);
    const [first] = oldest;
    const last = oldest.at(-1);
    if (start < 0 || first === undefined || last === undefined) return false;
    if (last.end > this.#durable || oldest.some((entry) => entry.update.length > LARGE))
      return false;
    const update = merge(oldest);
    if (update === null) return false;
    const merged: Entry = { ...update, start: first.start, end: last.end, author: null };
    for (const entry of oldest) this.#tailBytes -= entry.update.length;
    this.#tailBytes += merged.update.length;
    this.#tail.splice(start, oldest.length, merged);
    return true;
  }
}

/** The entries as one update, or `null` when a forged one among them cannot be merged. */
function merge(entries: readonly Entry[]): FramedUpdate | null {
  try {
    return frameUpdate(mergeUpdates(entries.map((entry) => entry.update)));
  } catch {
    return null;
  }
}
