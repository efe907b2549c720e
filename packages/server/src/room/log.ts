import { type Frame, type FramedUpdate, frameStateVector, frameUpdate } from "../protocol/frame.ts";
import type { StateVector } from "../protocol/state-vector.ts";
import { inspectUpdate, type UpdateContents } from "../protocol/update.ts";
import type { Base } from "./base.ts";
import { DurableContent } from "./durable-content.ts";
import { isLight, type MergeMass, massOf } from "./merge-cost.ts";
import { mergeUpdates } from "./merge-updates.ts";
import { type Origin, UNKNOWN } from "./origin.ts";

/** One or more updates of the log's tail, from offset `start` up to, not including, `end`. */
export interface Entry extends FramedUpdate, MergeMass {
  readonly start: number;
  readonly end: number;
  readonly origin: Origin;
  /** Whether it may be merged with others on the event loop. */
  readonly isLight: boolean;
}

interface TailEntry extends Entry {
  origin: Origin;
  isLight: boolean;
  /** What it holds, until it is durable and noted. */
  contents: UpdateContents | null;
}

/** Above this, an update is sent and kept on its own: merging it would take too long. */
const LARGE = 16 * 1024;
/** A longer tail is compacted even when it is small: what cannot be merged makes it long. */
const LONG_TAIL = 4_096;
/** How many bytes of small updates are merged into one frame. */
const MERGED_BYTES = 64 * 1024;
/** This many small entries become one when the tail has twice as many. */
const SQUASH = 64;
/** Squashing stops after this many rounds, or this many milliseconds. */
const MOST_SQUASHES = 16;
const SQUASH_MS = 4;

/**
 * A document as a log: a compacted base, and a tail of updates with offsets. Every update gets the
 * next offset. Reading from an offset gives everything from there on, and possibly more: updates
 * merge, so what is read twice does no harm, and what is skipped does.
 *
 * `durable` is the offset below which everything survives a crash. Only what is durable is merged
 * or moved into the base, so every other entry keeps its origin.
 */
export class Log {
  #base: Base;
  /** Everything below is in the base. */
  #baseEnd = 0;
  #tail: TailEntry[] = [];
  #tailBytes = 0;
  #end = 0;
  #durable = 0;
  /** What is below `durable`. */
  #content: DurableContent;
  /** What a compaction that began takes up: everything below `end`. */
  #mark: { readonly end: number; readonly rebase: (base: Base) => DurableContent } | undefined;
  #vectorFrame: { vector: Uint8Array; frame: Frame } | undefined;
  /** Clocks of what is not durable, up to an offset; see `clockOf`. */
  readonly #pendingClocks: StateVector = new Map();
  #pendingNoted = 0;

  constructor(base: Base) {
    this.#base = base;
    this.#content = new DurableContent(base);
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

  /** What is durable. */
  get content(): DurableContent {
    return this.#content;
  }

  /** Whether the base should take up the tail, whatever its size in bytes. */
  get wantsCompaction(): boolean {
    return this.#tail.length > LONG_TAIL || this.#content.isPartial;
  }

  /** Adds a valid update; copies its bytes. @param contents what it holds, when that is known */
  append(update: Uint8Array, origin: Origin, contents = inspectOrNull(update)): void {
    const start = this.#end++;
    const { frame, update: kept } = frameUpdate(update);
    const { joints, parts } = contents === null ? UNKNOWN_MASS : massOf(contents);
    this.#tail.push({
      frame,
      update: kept,
      start,
      end: this.#end,
      origin,
      joints,
      parts,
      isLight: mayMerge({ joints, parts }, update.length),
      contents,
    });
    this.#tailBytes += update.length;
    if (origin.kind === "remote" && start === this.#durable) this.markDurable(this.#end);
  }

  /** Everything below `offset` survives a crash, and what follows from elsewhere. */
  markDurable(offset: number): void {
    if (offset <= this.#durable) return;
    const before = this.#durable;
    this.#durable = offset;
    for (let i = this.#indexOf(before); i < this.#tail.length; i++) {
      const entry = this.#tail[i];
      if (entry === undefined) break;
      if (entry.end > this.#durable) {
        if (entry.origin.kind !== "remote" || entry.start > this.#durable) break;
        this.#durable = entry.end;
      }
      this.#note(entry);
    }
    const began = performance.now();
    for (let i = 0; i < MOST_SQUASHES && this.#squash(); i++) {
      if (performance.now() - began > SQUASH_MS) break;
    }
  }

  /** The updates of the tail in `[from, to)`. */
  *entries(from: number, to: number): Generator<Entry> {
    for (let i = this.#indexOf(from); i < this.#tail.length; i++) {
      const entry = this.#tail[i];
      if (entry === undefined || entry.start >= to) return;
      yield entry;
    }
  }

  /**
   * A session has ended: what it wrote is of unknown origin from now on.
   *
   * @param pendingFrom between what is durable and this offset, it has written nothing
   */
  disown(origin: Origin, pendingFrom: number): void {
    for (const entry of this.#tail) {
      if (entry.end > this.#durable) break;
      if (entry.origin === origin) entry.origin = UNKNOWN;
    }
    if (pendingFrom === Number.POSITIVE_INFINITY) return;
    for (let i = this.#indexOf(pendingFrom); i < this.#tail.length; i++) {
      const entry = this.#tail[i];
      if (entry?.origin === origin) entry.origin = UNKNOWN;
    }
  }

  /** The offset of the first entry of this origin, from `from` on; else `Infinity`. */
  firstOf(origin: Origin, from: number): number {
    for (const entry of this.entries(from, this.#end)) {
      if (entry.origin === origin) return entry.start;
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
      if (!entry.isLight) {
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

  /** All structs of a client with a clock below that are here, durable or not. */
  clockOf(client: number): number {
    this.#notePending();
    const durable = this.#content.clockOf(client);
    return Math.max(this.#pendingClocks.get(client) ?? 0, durable);
  }

  /** The encoded state vector of what is durable, also in a frame; made anew only when it changed. */
  describeDurable(): { vector: Uint8Array; frame: Frame } {
    const { vector } = this.#content;
    if (this.#vectorFrame?.vector !== vector) {
      this.#vectorFrame = { vector, frame: frameStateVector(vector) };
    }
    return this.#vectorFrame;
  }

  /** The updates that compaction may put into the base: all that is durable. */
  compactable(): { end: number; updates: Uint8Array[] } {
    const rebase = this.#content.mark();
    this.#mark = rebase === null ? undefined : { end: this.#durable, rebase };
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
    if (this.#mark?.end === end) {
      this.#content = this.#mark.rebase(base);
    } else {
      this.#content = new DurableContent(base);
      for (const entry of this.#tail) {
        if (entry.end > this.#durable) break;
        this.#note(entry);
      }
    }
    this.#mark = undefined;
  }

  #note(entry: TailEntry): void {
    const contents = entry.contents ?? inspectOrNull(entry.update);
    entry.contents = null;
    if (contents !== null) this.#content.add(entry.update, contents);
  }

  /** Notes what came since it was called last and is not durable yet. */
  #notePending(): void {
    if (this.#durable === this.#end) {
      this.#pendingClocks.clear();
      return;
    }
    const from = Math.max(this.#pendingNoted, this.#durable);
    this.#pendingNoted = this.#end;
    for (let i = this.#indexOf(from); i < this.#tail.length; i++) {
      const { runs } = this.#tail[i]?.contents ?? NOTHING;
      for (let at = 0; at + 2 < runs.length; at += 3) {
        const [client, begin, end] = [runs[at] ?? 0, runs[at + 1] ?? 0, runs[at + 2] ?? 0];
        const known = Math.max(this.#pendingClocks.get(client) ?? 0, this.#content.clockOf(client));
        if (begin <= known && end > known) this.#pendingClocks.set(client, end);
      }
    }
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
    const start = this.#squashable();
    if (start === null) return false;
    const oldest = this.#tail.slice(start, start + SQUASH);
    const [first, last] = [oldest[0], oldest.at(-1)];
    if (first === undefined || last === undefined) return false;
    const merged = merge(oldest);
    if (merged === null) {
      // A forged one is among them; they are not tried again.
      for (const entry of oldest) entry.isLight = false;
      return false;
    }
    const contents = inspectOrNull(merged.update);
    const mass = contents === null ? UNKNOWN_MASS : massOf(contents);
    const light = mayMerge(mass, merged.update.length);
    for (const entry of oldest) this.#tailBytes -= entry.update.length;
    this.#tailBytes += merged.update.length;
    const range = { start: first.start, end: last.end, origin: UNKNOWN };
    this.#tail.splice(start, SQUASH, {
      ...merged,
      ...mass,
      ...range,
      isLight: light,
      contents: null,
    });
    return true;
  }

  /** Where as many light, durable entries as are squashed follow one another; the oldest. */
  #squashable(): number | null {
    let start = 0;
    for (let i = 0; i < this.#tail.length; i++) {
      const entry = this.#tail[i];
      if (entry === undefined || entry.end > this.#durable) return null;
      if (!entry.isLight) start = i + 1;
      else if (i + 1 - start === SQUASH) return start;
    }
    return null;
  }
}

/** Of an update that is not valid. */
const UNKNOWN_MASS: MergeMass = {
  joints: Number.POSITIVE_INFINITY,
  parts: Number.POSITIVE_INFINITY,
};
const NOTHING: Pick<UpdateContents, "runs"> = { runs: [] };

/** The entries as one update, or `null` when a forged one among them cannot be merged. */
function merge(entries: readonly Entry[]): FramedUpdate | null {
  try {
    return frameUpdate(mergeUpdates(entries.map((entry) => entry.update)));
  } catch {
    return null;
  }
}

/** What an update holds; `null` when it is not valid, as another server should have found. */
function inspectOrNull(update: Uint8Array): UpdateContents | null {
  try {
    return inspectUpdate(update);
  } catch {
    return null;
  }
}

function mayMerge(mass: MergeMass, bytes: number): boolean {
  return bytes <= LARGE && isLight(mass, bytes);
}
