import { type Frame, type FramedUpdate, frameUpdate } from "../../protocol/frame.ts";
import { inspectUpdate, type UpdateContents } from "../../protocol/update.ts";
import { type Origin, UNKNOWN } from "../origin.ts";
import { isLight, type MergeMass, massOf } from "../updates/merge-cost.ts";
import { mergeUpdates } from "../updates/merge-updates.ts";

/** One or more updates of the log's tail, covering the offsets `[start, end)`. */
export interface Entry extends FramedUpdate, MergeMass {
  readonly start: number;
  readonly end: number;
  readonly origin: Origin;
  /** Whether it is cheap enough to be merged with others on the event loop. */
  readonly isLight: boolean;
}

export interface TailEntry extends Entry {
  origin: Origin;
  isLight: boolean;
  /** How often it was squashed. */
  readonly level: number;
  /** Its contents, until it is durable and recorded in the durable content. */
  contents: UpdateContents | null;
}

/** Larger updates, in bytes, are sent and kept on their own: merging them would take too long. */
const LARGE = 16 * 1024;
/** Most bytes of small updates that are merged into one frame. */
const MERGED_BYTES = 64 * 1024;
/** This many small entries are squashed into one once the tail has twice as many. */
const SQUASH = 64;
/** Squashing stops after this many rounds or milliseconds. */
const MOST_SQUASHES = 16;
const SQUASH_MS = 4;

/**
 * The updates of a log that are not in its base, in the order of their offsets. Light ones are merged:
 * into shared frames when they are sent, and for good once they are durable and many.
 */
export class LogTail {
  #entries: TailEntry[] = [];
  #bytes = 0;

  /** Number of entries. */
  get length(): number {
    return this.#entries.length;
  }

  /** Encoded size of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  at(index: number): TailEntry | undefined {
    return this.#entries[index];
  }

  /** Index of the first entry that ends after `offset`. */
  indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && entry.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The entries in `[from, to)`. */
  *entries(from: number, to: number): Generator<Entry> {
    for (let i = this.indexOf(from); i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry === undefined || entry.start >= to) return;
      yield entry;
    }
  }

  /**
   * Appends a copy of a valid update.
   *
   * @param start its offset, which is the end of the last entry
   * @param contents its contents, if the caller knows them
   */
  append(
    update: Uint8Array,
    origin: Origin,
    start: number,
    contents: UpdateContents | null = inspectOrNull(update),
  ): void {
    const { frame, update: kept } = frameUpdate(update);
    const { joints, parts } = contents === null ? UNKNOWN_MASS : massOf(contents);
    this.#entries.push({
      frame,
      update: kept,
      start,
      end: start + 1,
      origin,
      joints,
      parts,
      isLight: mayMerge({ joints, parts }, update.length),
      level: 0,
      contents,
    });
    this.#bytes += update.length;
  }

  /** Drops the entries that end at or below an offset. */
  drop(end: number): void {
    this.#entries = this.#entries.filter((entry) => entry.end > end);
    this.#bytes = this.#entries.reduce((sum, entry) => sum + entry.update.length, 0);
  }

  /**
   * Makes an origin unknown in all entries that have it.
   *
   * @param pendingFrom no entry between `durable` and this offset has it
   */
  disown(origin: Origin, durable: number, pendingFrom: number): void {
    for (const entry of this.#entries) {
      if (entry.end > durable) break;
      if (entry.origin === origin) entry.origin = UNKNOWN;
    }
    if (pendingFrom === Number.POSITIVE_INFINITY) return;
    for (let i = this.indexOf(pendingFrom); i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry?.origin === origin) entry.origin = UNKNOWN;
    }
  }

  /**
   * Frames with the entries in `[from, to)`.
   *
   * @param wanted entries for which it returns false are left out
   * @param apart merging this many entries or fewer is not worth it
   */
  frames(from: number, to: number, wanted?: (entry: Entry) => boolean, apart: number = 1): Frame[] {
    const frames: Frame[] = [];
    let group: Entry[] = [];
    let groupBytes = 0;
    const closeGroup = () => {
      const merged = group.length <= apart ? null : merge(group);
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
    return frames;
  }

  /** Merges the oldest entries if there are many; only durable ones, which need no origin. */
  squash(durable: number): void {
    const began = performance.now();
    for (let i = 0; i < MOST_SQUASHES && this.#squashOldest(durable); i++) {
      if (performance.now() - began > SQUASH_MS) break;
    }
  }

  /** Merges the oldest entries into one when there are many. @returns whether it did */
  #squashOldest(durable: number): boolean {
    if (this.#entries.length < 2 * SQUASH) return false;
    const start = this.#squashable(durable);
    if (start === null) return false;
    const oldest = this.#entries.slice(start, start + SQUASH);
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
    for (const entry of oldest) this.#bytes -= entry.update.length;
    this.#bytes += merged.update.length;
    const range = { start: first.start, end: last.end, origin: UNKNOWN };
    this.#entries.splice(start, SQUASH, {
      ...merged,
      ...mass,
      ...range,
      isLight: light,
      level: first.level + 1,
      contents: null,
    });
    return true;
  }

  /**
   * Index of the oldest run of `SQUASH` consecutive light, durable entries that were squashed equally
   * often: so an update is merged once for each level, and not with every 64 that follow it.
   */
  #squashable(durable: number): number | null {
    let start = 0;
    let level = 0;
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry === undefined || entry.end > durable) return null;
      if (entry.level !== level) start = i;
      level = entry.level;
      if (!entry.isLight) start = i + 1;
      else if (i + 1 - start === SQUASH) return start;
    }
    return null;
  }
}

/** Returns the contents of an entry, which keeps them no longer; `null` if its update is invalid. */
export function takeContents(entry: TailEntry): UpdateContents | null {
  const contents = entry.contents ?? inspectOrNull(entry.update);
  entry.contents = null;
  return contents;
}

/** The mass of an invalid update. */
const UNKNOWN_MASS: MergeMass = {
  joints: Number.POSITIVE_INFINITY,
  parts: Number.POSITIVE_INFINITY,
};

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
