import type { DeleteRanges } from "../../protocol/delete-ranges.ts";
import type { StructReader } from "../../protocol/struct-reader.ts";
import { type CutPoint, contentStart, cutAfter, isCuttable, pieceOf } from "./cut-struct.ts";
import { headerBytes, RANGE_BYTES, type Run, UpdatePart } from "./update-part.ts";
import type { Section } from "./update-section.ts";

/** A part fuller than this share of its limit is closed, unless that would separate related structs. */
const FULL = 3 / 4;
/** Cutting off a piece smaller than this share of the limit is not worthwhile. */
const LEAST_PIECE = 1 / 64;
/** A struct within this many clocks of its parent counts as written together with it. */
const YOUNG_CLOCKS = 64;

/**
 * Fills the parts of an update, one after the other, with structs and deletions in the order in which
 * they are taken, and decides where a part ends and where a struct is cut.
 *
 * The reader is at the next struct of the section when `take` or `takeWhole` is called.
 */
export class PartFiller {
  readonly #update: Uint8Array;
  readonly #reader: StructReader;
  readonly #limitOf: (index: number) => number;
  /** Largest size of the part being filled. */
  #most: number;
  readonly #parts: UpdatePart[] = [];
  #part: UpdatePart = new UpdatePart();
  /** The sections with structs in the part being filled. */
  #touched: Section[] = [];

  /** @param limitOf the largest size of a part, in bytes, by its index */
  constructor(update: Uint8Array, reader: StructReader, limitOf: (index: number) => number) {
    this.#update = update;
    this.#reader = reader;
    this.#limitOf = limitOf;
    this.#most = limitOf(0);
  }

  /** Whether the part being filled has structs. */
  get hasStructs(): boolean {
    return this.#part.runs.length > 0;
  }

  /** Puts the next struct into the part, or as much of it as fits. */
  take(section: Section): void {
    const reader = this.#reader;
    const start = section.cut?.at ?? section.at;
    const header = headerBytes(section.client, section.clock);
    // Allow for its deletions as well, and for what a cut adds.
    const size = reader.end - start + (section.run === null ? 3 : 2) * header;
    const limit = this.#isYoungChild(section) ? this.#most : FULL * this.#most;
    const room = limit - this.#part.bytes;
    if (size <= room) {
      this.takeWhole(section);
      return;
    }
    if (isCuttable(reader.content) && room >= LEAST_PIECE * this.#most) {
      const from = section.cut ?? contentStart(reader);
      const to = cutAfter(this.#update, reader, from, room - 4 * header);
      const piece = to.at - from.at + 4 * header;
      if (to.at < reader.end && (piece <= room || this.#part.isEmpty)) {
        this.#takeFront(section, from, to);
        this.close();
        return;
      }
    }
    if (!this.#part.isEmpty) this.close();
    else this.takeWhole(section);
  }

  /** Puts all that is left of the next struct into the part, even if it is too large. */
  takeWhole(section: Section): void {
    const { client, at, clock, cut } = section;
    const { end, length } = this.#reader;
    const run = section.run;
    if (cut !== null) {
      // Its front is the end of the previous part.
      const to = { units: length, at: end };
      const head = pieceOf(this.#update, this.#reader, at, section, cut, to);
      this.#begin(section, {
        client,
        clock: clock + cut.units,
        count: 1,
        head,
        from: end,
        to: end,
        tail: null,
      });
    } else if (run === null) {
      this.#begin(section, { client, clock, count: 1, head: null, from: at, to: end, tail: null });
    } else {
      this.#part.bytes += end - run.to;
      run.to = end;
      run.count += section.skips + 1;
    }
    section.skips = 0;
    section.cut = null;
    section.at = end;
    section.left--;
    section.clock = clock + length;
    section.have = Math.max(section.have, section.clock);
    this.#takeRanges(section);
  }

  /**
   * Puts deletions into this part and, if they do not fit, the next ones.
   *
   * @param first index in `ranges`
   */
  takeDeletions(client: number, ranges: DeleteRanges, first: number): void {
    for (let from = first; from < ranges.length; ) {
      const room = FULL * this.#most - this.#part.bytes - headerBytes(client, 0);
      if (room < RANGE_BYTES) {
        this.close();
        continue;
      }
      const to = Math.min(ranges.length, from + 2 * Math.floor(room / RANGE_BYTES));
      this.#part.addDeletions({ client, ranges, from, to });
      from = to;
    }
  }

  /** Ends the part being filled, unless it is empty. */
  close(): void {
    if (this.#part.isEmpty) return;
    this.#parts.push(this.#part);
    this.#most = this.#limitOf(this.#parts.length);
    this.#part = new UpdatePart();
    for (const section of this.#touched) {
      section.run = null;
      section.skips = 0;
      section.deletions = null;
    }
    this.#touched = [];
  }

  /** Ends the last part. @returns all parts */
  finish(): UpdatePart[] {
    this.close();
    return this.#parts;
  }

  /** Whether a struct was written together with its parent, which some editors must not see empty. */
  #isYoungChild({ client, clock, run }: Section): boolean {
    const { parent } = this.#reader;
    return run !== null && parent.client === client && clock - parent.clock <= YOUNG_CLOCKS;
  }

  #takeFront(section: Section, from: CutPoint, to: CutPoint): void {
    const { client, at, clock, run } = section;
    const piece = pieceOf(this.#update, this.#reader, at, section, from, to);
    if (run === null) {
      const first = clock + from.units;
      this.#begin(section, {
        client,
        clock: first,
        count: 1,
        head: piece,
        from: at,
        to: at,
        tail: null,
      });
    } else {
      this.#part.bytes += at - run.to + piece.length;
      run.to = at;
      run.tail = piece;
      run.count += section.skips + 1;
    }
    section.skips = 0;
    section.cut = to;
    section.have = Math.max(section.have, clock + to.units);
    this.#takeRanges(section);
  }

  #begin(section: Section, run: Run): void {
    section.run = run;
    this.#touched.push(section);
    this.#part.addRun(run);
  }

  /** Takes the deletions whose targets are in this part or an earlier one. */
  #takeRanges(section: Section): void {
    const { client, ranges, have, nextRange, deletions } = section;
    let to = nextRange;
    let room = this.#most - this.#part.bytes - headerBytes(client, 0);
    while (to < ranges.length && (ranges[to] ?? 0) + (ranges[to + 1] ?? 0) <= have && room > 0) {
      to += 2;
      room -= RANGE_BYTES;
    }
    if (to === nextRange) return;
    section.nextRange = to;
    if (deletions !== null) {
      deletions.to = to;
      this.#part.bytes += (RANGE_BYTES / 2) * (to - nextRange);
      return;
    }
    section.deletions = { client, ranges, from: nextRange, to };
    this.#part.addDeletions(section.deletions);
  }
}
