import { type Frame, frameStateVector } from "../../protocol/frame.ts";
import type { StateVector } from "../../protocol/state-vector.ts";
import type { UpdateContents } from "../../protocol/update.ts";
import type { Origin } from "../origin.ts";
import type { Base } from "./base.ts";
import { DurableContent } from "./durable-content.ts";
import { type Entry, LogTail, type TailEntry, takeContents } from "./log-tail.ts";

/** A tail with more entries is compacted however small it is: updates that cannot be merged pile up. */
const LONG_TAIL = 4_096;

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
  readonly #tail: LogTail = new LogTail();
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
    return this.#base.update.length + this.#tail.bytes;
  }

  get tailBytes(): number {
    return this.#tail.bytes;
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
  append(update: Uint8Array, origin: Origin, contents?: UpdateContents | null): void {
    const start = this.#end++;
    this.#tail.append(update, origin, start, contents);
    if (origin.kind === "remote" && start === this.#durable) this.markDurable(this.#end);
  }

  /** Marks everything below `offset` durable, and the remote updates that directly follow. */
  markDurable(offset: number): void {
    if (offset <= this.#durable) return;
    const before = this.#durable;
    this.#durable = offset;
    for (let i = this.#tail.indexOf(before); i < this.#tail.length; i++) {
      const entry = this.#tail.at(i);
      if (entry === undefined) break;
      if (entry.end > this.#durable) {
        if (entry.origin.kind !== "remote" || entry.start > this.#durable) break;
        this.#durable = entry.end;
      }
      this.#note(entry);
    }
    this.#tail.squash(this.#durable);
  }

  /** The entries of the tail in `[from, to)`. */
  entries(from: number, to: number): Generator<Entry> {
    return this.#tail.entries(from, to);
  }

  /**
   * A session has ended: from now on, the origin of its updates is unknown.
   *
   * @param pendingFrom the session wrote nothing between `durable` and this offset
   */
  disown(origin: Origin, pendingFrom: number): void {
    this.#tail.disown(origin, this.#durable, pendingFrom);
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
   * @param apart merging this many entries or fewer is not worth it
   */
  frames(from: number, to: number, wanted?: (entry: Entry) => boolean, apart?: number): Frame[] {
    const frames = this.#tail.frames(from, to, wanted, apart);
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
    this.#tail.drop(end);
    if (this.#mark?.end === end) {
      this.#content = this.#mark.rebase(base);
    } else {
      this.#content = new DurableContent(base);
      for (let i = 0; i < this.#tail.length; i++) {
        const entry = this.#tail.at(i);
        if (entry === undefined || entry.end > this.#durable) break;
        this.#note(entry);
      }
    }
    this.#mark = undefined;
  }

  #note(entry: TailEntry): void {
    const contents = takeContents(entry);
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
    for (let i = this.#tail.indexOf(from); i < this.#tail.length; i++) {
      const { runs } = this.#tail.at(i)?.contents ?? NOTHING;
      for (let at = 0; at + 2 < runs.length; at += 3) {
        const [client, begin, end] = [runs[at] ?? 0, runs[at + 1] ?? 0, runs[at + 2] ?? 0];
        const known = Math.max(this.#pendingClocks.get(client) ?? 0, this.#content.clockOf(client));
        if (begin <= known && end > known) this.#pendingClocks.set(client, end);
      }
    }
  }
}

const NOTHING: Pick<UpdateContents, "runs"> = { runs: [] };
