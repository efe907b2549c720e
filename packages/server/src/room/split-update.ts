import { type DeleteRanges, readDeleteRanges } from "../protocol/delete-ranges.ts";
import type { StateVector } from "../protocol/state-vector.ts";
import { Content, type StructId, StructReader } from "../protocol/struct-reader.ts";
import { type CutPoint, contentStart, cutAfter, isCuttable, pieceOf } from "./cut-struct.ts";
import {
  type ClientDeletions,
  headerBytes,
  RANGE_BYTES,
  type Run,
  UpdatePart,
} from "./update-part.ts";

/**
 * The largest part, in bytes: two seconds at 32 KB/s. Only a part with a single struct that cannot be
 * cut may be larger.
 */
export const MAX_PART_BYTES: number = 64 * 1024;
/** This many small parts show how fast a client is. They are the same for all clients. */
export const FIRST_PARTS = 4;
/**
 * The largest part, in bytes, that follows the first ones if the client has proven fast: each part
 * costs the client a transaction, in which it renders what is new.
 */
export const FAST_PART_BYTES: number = 512 * 1024;
/** A part fuller than this share of its limit is closed, unless that would separate related structs. */
const FULL = 3 / 4;
/** Cutting off a piece smaller than this share of the limit is not worthwhile. */
const LEAST_PIECE = 1 / 64;
/** A struct within this many clocks of its parent counts as written together with it. */
const YOUNG_CLOCKS = 64;

/** The structs of one client: those already in parts, and those left. */
interface Section {
  readonly client: number;
  /** Where its next struct begins, and the clock of that struct. */
  at: number;
  clock: number;
  /** How many structs are left. */
  left: number;
  /** The clock after its last struct. */
  readonly end: number;
  /** How far earlier parts reach into the next struct. */
  cut: CutPoint | null;
  /** The clock below which the recipient of the parts has every struct. */
  have: number;
  /** It is on the stack of `#advance`: being taken, or waiting for another section. */
  isActive: boolean;
  /** Its next struct depends on something that is missing. */
  isStuck: boolean;
  /** Its structs in the part being filled, and the number of skips after them. */
  run: Run | null;
  skips: number;
  /** Its deletions in the part being filled. */
  deletions: ClientDeletions | null;
  readonly ranges: DeleteRanges;
  nextRange: number;
}

/**
 * Splits an encoded update into parts of up to 64 KB, each of which a client can integrate on arrival:
 * whatever a struct depends on is in the same part, in an earlier one, or already at the client. So
 * each part that arrives counts in the client's state vector, and nothing is left pending inside Yjs.
 *
 * Long texts and arrays are cut between their elements. A single element larger than a part cannot be
 * cut and gets a part of its own. Deletions come with or after the structs they delete. Structs that
 * depend on something missing come last, and are not split.
 *
 * @param update has been validated
 * @param known what the client has; `null` if it has everything that the update builds on
 * @param most largest part, in bytes
 * @param later largest part after the first four, in bytes
 * @returns the parts in the order to apply them; the update itself if it is small
 */
export function splitUpdate(
  update: Uint8Array,
  known: StateVector | null,
  most: number = MAX_PART_BYTES,
  later: number = most,
): Uint8Array[] {
  if (update.length <= most) return [update];
  const parts = new Splitter(update, known, most, later).split();
  if (parts.length === 1) return [update];
  return parts.map((part) => {
    const bytes = new Uint8Array(part.length);
    part.put(bytes, 0, update);
    return bytes;
  });
}

class Splitter {
  readonly #update: Uint8Array;
  readonly #known: StateVector | null;
  #most: number;
  readonly #later: number;
  readonly #reader: StructReader;
  readonly #sections: Map<number, Section> = new Map();
  /** Deletions for clients of which the update has no structs. */
  readonly #otherRanges: Map<number, DeleteRanges>;
  readonly #parts: UpdatePart[] = [];
  #part: UpdatePart = new UpdatePart();
  /** The sections with structs in the part being filled. */
  #touched: Section[] = [];

  constructor(update: Uint8Array, known: StateVector | null, most: number, later: number) {
    this.#update = update;
    this.#known = known;
    this.#most = most;
    this.#later = later;
    this.#reader = new StructReader(update);
    this.#otherRanges = this.#readSections();
  }

  split(): UpdatePart[] {
    for (const section of this.#sections.values()) this.#advance(section);
    this.#takeDeletions();
    this.#takeStuck();
    this.#close();
    return this.#parts;
  }

  /** Finds where each client's structs begin. @returns the deletions for all other clients */
  #readSections(): Map<number, DeleteRanges> {
    const reader = this.#reader;
    const found: Omit<Section, "ranges">[] = [];
    let { value: clients, end: at } = reader.numberAt(0);
    for (; clients > 0; clients--) {
      const left = reader.numberAt(at);
      const client = reader.numberAt(left.end);
      const clock = reader.numberAt(client.end);
      at = clock.end;
      let end = clock.value;
      for (let i = 0; i < left.value; i++) {
        reader.readHead(at);
        reader.readContent();
        end += reader.length;
        at = reader.end;
      }
      found.push({
        client: client.value,
        at: clock.end,
        clock: clock.value,
        left: left.value,
        end,
        cut: null,
        have: this.#known === null ? clock.value : (this.#known.get(client.value) ?? 0),
        isActive: false,
        isStuck: false,
        run: null,
        skips: 0,
        deletions: null,
        nextRange: 0,
      });
    }
    const ranges = readDeleteRanges(this.#update.subarray(at));
    for (const section of found) {
      this.#sections.set(section.client, { ...section, ranges: ranges.get(section.client) ?? [] });
      ranges.delete(section.client);
    }
    return ranges;
  }

  /**
   * Takes the structs of a section and, before each, the structs of other sections it depends on. The
   * sections waiting for one another are on a stack; only a forged section can wait for itself.
   */
  #advance(first: Section): void {
    const stack: { section: Section; beyond: number }[] = [];
    const push = (section: Section, beyond: number) => {
      section.isActive = true;
      stack.push({ section, beyond });
    };
    push(first, Number.POSITIVE_INFINITY);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { section, beyond } = top;
      if (section.left > 0 && !section.isStuck && section.have <= beyond) {
        const wait = this.#step(section);
        if (wait !== null) push(wait.section, wait.clock);
        continue;
      }
      section.isActive = false;
      stack.pop();
    }
  }

  /** Takes the next struct of a section. @returns what has to be taken before it, or `null` */
  #step(section: Section): { section: Section; clock: number } | null {
    const reader = this.#reader;
    reader.readHead(section.at);
    if (section.cut === null) {
      if (section.clock > section.have) {
        section.isStuck = true;
        return null;
      }
      for (const id of [reader.origin, reader.rightOrigin, reader.parent]) {
        if (this.#isThere(id)) continue;
        const other = this.#sections.get(id.client);
        const canWait = other !== undefined && other.left > 0 && !other.isActive && !other.isStuck;
        if (canWait && id.clock < other.end) return { section: other, clock: id.clock };
        section.isStuck = true;
        return null;
      }
    }
    reader.readContent();
    if (reader.info === Content.skip) this.#skip(section);
    else this.#take(section);
    return null;
  }

  #isThere({ client, clock }: StructId): boolean {
    if (client === -1) return true;
    const section = this.#sections.get(client);
    if (section === undefined) {
      return this.#known === null || clock < (this.#known.get(client) ?? 0);
    }
    return clock < section.have || (this.#known === null && clock >= section.end);
  }

  /**
   * Passes over a skip: as far as is known, the client has the skipped structs. `#step` checks the
   * struct that follows.
   */
  #skip(section: Section): void {
    section.at = this.#reader.end;
    section.clock += this.#reader.length;
    section.left--;
    section.skips++;
    if (this.#known === null) section.have = section.clock;
  }

  /** Puts the next struct into the part, or as much of it as fits. */
  #take(section: Section): void {
    const reader = this.#reader;
    const start = section.cut?.at ?? section.at;
    const header = headerBytes(section.client, section.clock);
    // Allow for its deletions as well, and for what a cut adds.
    const size = reader.end - start + (section.run === null ? 3 : 2) * header;
    const limit = this.#isYoungChild(section) ? this.#most : FULL * this.#most;
    const room = limit - this.#part.bytes;
    if (size <= room) {
      this.#takeWhole(section);
      return;
    }
    if (isCuttable(reader.content) && room >= LEAST_PIECE * this.#most) {
      const from = section.cut ?? contentStart(reader);
      const to = cutAfter(this.#update, reader, from, room - 4 * header);
      const piece = to.at - from.at + 4 * header;
      if (to.at < reader.end && (piece <= room || this.#part.isEmpty)) {
        this.#takeFront(section, from, to);
        this.#close();
        return;
      }
    }
    if (!this.#part.isEmpty) this.#close();
    else this.#takeWhole(section);
  }

  /** Whether a struct was written together with its parent, which some editors must not see empty. */
  #isYoungChild({ client, clock, run }: Section): boolean {
    const { parent } = this.#reader;
    return run !== null && parent.client === client && clock - parent.clock <= YOUNG_CLOCKS;
  }

  #takeWhole(section: Section): void {
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

  /** Takes the remaining deletions: the client already has their targets, or they are missing. */
  #takeDeletions(): void {
    for (const { client, ranges, nextRange } of this.#sections.values()) {
      this.#takeAll(client, ranges, nextRange);
    }
    for (const [client, ranges] of this.#otherRanges) this.#takeAll(client, ranges, 0);
  }

  #takeAll(client: number, ranges: DeleteRanges, first: number): void {
    for (let from = first; from < ranges.length; ) {
      const room = FULL * this.#most - this.#part.bytes - headerBytes(client, 0);
      if (room < RANGE_BYTES) {
        this.#close();
        continue;
      }
      const to = Math.min(ranges.length, from + 2 * Math.floor(room / RANGE_BYTES));
      this.#part.addDeletions({ client, ranges, from, to });
      from = to;
    }
  }

  /** Takes all structs with missing dependencies in one go: the client keeps them as pending. */
  #takeStuck(): void {
    const stuck = [...this.#sections.values()].filter(({ left }) => left > 0);
    if (stuck.length > 0 && this.#part.runs.length > 0) this.#close();
    for (const section of stuck) {
      while (section.left > 0) {
        this.#reader.readHead(section.at);
        this.#reader.readContent();
        if (this.#reader.info === Content.skip) this.#skip(section);
        else this.#takeWhole(section);
      }
    }
  }

  #close(): void {
    if (this.#part.isEmpty) return;
    this.#parts.push(this.#part);
    if (this.#parts.length === FIRST_PARTS) this.#most = this.#later;
    this.#part = new UpdatePart();
    for (const section of this.#touched) {
      section.run = null;
      section.skips = 0;
      section.deletions = null;
    }
    this.#touched = [];
  }
}
