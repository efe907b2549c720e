import { type Frame, type FramedUpdate, frameStateVector, frameUpdate } from "../protocol/frame.ts";
import type { StateVector } from "../protocol/state-vector.ts";
import { inspectUpdate, type UpdateContents } from "../protocol/update.ts";
import type { Base } from "./base.ts";
import { DurableContent } from "./durable-content.ts";
import { isLight, type MergeMass, massOf } from "./merge-cost.ts";
import { mergeUpdates } from "./merge-updates.ts";
import { type Origin, UNKNOWN } from "./origin.ts";

/** One or more updates of the log's tail, covering the offsets `[start, end)`. */
export interface Entry extends FramedUpdate, MergeMass {
  readonly start: number;
  readonly end: number;
  readonly origin: Origin;
  /** Whether it is cheap enough to be merged with others on the event loop. */
  readonly isLight: boolean;
}

interface TailEntry extends Entry {
  origin: Origin;
  isLight: boolean;
  /** Its contents, until it is durable and recorded in the durable content. */
  contents: UpdateContents | null;
}

/** Larger updates, in bytes, are sent and kept on their own: merging them would take too long. */
const LARGE = 16 * 1024;
/** A tail with more entries is compacted however small it is: updates that cannot be merged pile up. */
const LONG_TAIL = 4_096;
/** Most bytes of small updates that are merged into one frame. */
const MERGED_BYTES = 64 * 1024;
/** This many small entries are squashed into one once the tail has twice as many. */
const SQUASH = 64;
/** Squashing stops after this many rounds or milliseconds. */
const MOST_SQUASHES = 16;
const SQUASH_MS = 4;

/**
 * A document as a log: a compacted base and a tail of updates, each with the next offset. Reading from
 * an offset returns everything from there on, and possibly more: applying an update twice is harmless,
 * skipping one is not.
 *
 * Everything below the offset `durable` survives a crash. Only durable entries are merged or moved into
 * the base, so every other entry keeps its origin.
 */
export class Log {
  #base: Base;
  /** The base holds everything below this offset. */
  #baseEnd = 0;
  #tail: TailEntry[] = [];
  #tailBytes = 0;
  #end = 0;
  #durable = 0;
  /** The content below `durable`. */
  #content: DurableContent;
  /** The compaction under way, which moves everything below `end` into the base. */
  #mark: { readonly end: number; readonly rebase: (base: Base) => DurableContent } | undefined;
  #vectorFrame: { vector: Uint8Array; frame: Frame } | undefined;
  /** Clocks of the updates that are not durable, up to the next offset; see `clockOf`. */
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

  /** The offset of the next update. */
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

  /** The durable content. */
  get content(): DurableContent {
    return this.#content;
  }

  /** Whether the tail should be compacted into the base, whatever its size in bytes. */
  get wantsCompaction(): boolean {
    return this.#tail.length > LONG_TAIL || this.#content.isPartial;
  }

  /** Appends a copy of a valid update. @param contents its contents, if the caller knows them */
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

  /** Marks everything below `offset` durable, and the remote updates that directly follow. */
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

  /** The entries of the tail in `[from, to)`. */
  *entries(from: number, to: number): Generator<Entry> {
    for (let i = this.#indexOf(from); i < this.#tail.length; i++) {
      const entry = this.#tail[i];
      if (entry === undefined || entry.start >= to) return;
      yield entry;
    }
  }

  /**
   * A session has ended: from now on, the origin of its updates is unknown.
   *
   * @param pendingFrom the session wrote nothing between `durable` and this offset
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

  /** The offset of the first entry with this origin at or after `from`; `Infinity` if there is none. */
  firstOf(origin: Origin, from: number): number {
    for (const entry of this.entries(from, this.#end)) {
      if (entry.origin === origin) return entry.start;
    }
    return Number.POSITIVE_INFINITY;
  }

  /**
   * Frames with everything in `[from, to)`; with the whole document if `from` is already in the base.
   * The base comes last: it is sent as an answer to a state vector (sync step 2), and the first such
   * answer tells a client that it has everything.
   *
   * @param wanted entries for which it returns false are left out
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

  /** The clock below which the log holds all structs of a client, durable or not. */
  clockOf(client: number): number {
    this.#notePending();
    const durable = this.#content.clockOf(client);
    return Math.max(this.#pendingClocks.get(client) ?? 0, durable);
  }

  /** The encoded state vector of the durable content, bare and framed; rebuilt only when it changed. */
  describeDurable(): { vector: Uint8Array; frame: Frame } {
    const { vector } = this.#content;
    if (this.#vectorFrame?.vector !== vector) {
      this.#vectorFrame = { vector, frame: frameStateVector(vector) };
    }
    return this.#vectorFrame;
  }

  /** The updates that a compaction may move into the base: all that are durable. */
  compactable(): { end: number; updates: Uint8Array[] } {
    const rebase = this.#content.mark();
    this.#mark = rebase === null ? undefined : { end: this.#durable, rebase };
    const updates = [this.#base.update];
    for (const entry of this.entries(this.#baseEnd, this.#durable)) updates.push(entry.update);
    return { end: this.#durable, updates };
  }

  /** Replaces the base with one that holds everything below `end`. */
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

  /** Records the clocks of updates appended since the last call that are not durable yet. */
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
      // One of them is forged; do not try these again.
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

  /** Index of the oldest run of `SQUASH` consecutive light, durable entries. */
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

/** The mass of an invalid update. */
const UNKNOWN_MASS: MergeMass = {
  joints: Number.POSITIVE_INFINITY,
  parts: Number.POSITIVE_INFINITY,
};
const NOTHING: Pick<UpdateContents, "runs"> = { runs: [] };

/** Merges the entries into one update; `null` if one of them is forged and cannot be merged. */
function merge(entries: readonly Entry[]): FramedUpdate | null {
  try {
    return frameUpdate(mergeUpdates(entries.map((entry) => entry.update)));
  } catch {
    return null;
  }
}

/** The contents of an update; `null` if it is invalid, which another server should have detected. */
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
