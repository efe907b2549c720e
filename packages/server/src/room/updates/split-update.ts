import type { DeleteRanges } from "../../protocol/delete-ranges.ts";
import type { StateVector } from "../../protocol/state-vector.ts";
import { Content, type StructId, StructReader } from "../../protocol/struct-reader.ts";
import { PartFiller } from "./part-filler.ts";
import type { UpdatePart } from "./update-part.ts";
import { readSections, type Section } from "./update-section.ts";

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
  readonly #known: StateVector | null;
  readonly #reader: StructReader;
  readonly #filler: PartFiller;
  readonly #sections: Map<number, Section>;
  /** Deletions for clients of which the update has no structs. */
  readonly #otherRanges: Map<number, DeleteRanges>;

  constructor(update: Uint8Array, known: StateVector | null, most: number, later: number) {
    const reader = new StructReader(update);
    const { sections, otherRanges } = readSections(update, reader, known);
    this.#known = known;
    this.#reader = reader;
    this.#filler = new PartFiller(update, reader, (i) => (i < FIRST_PARTS ? most : later));
    this.#sections = sections;
    this.#otherRanges = otherRanges;
  }

  split(): UpdatePart[] {
    for (const section of this.#sections.values()) this.#advance(section);
    this.#takeDeletions();
    this.#takeStuck();
    return this.#filler.finish();
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
    else this.#filler.take(section);
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

  /** Takes the remaining deletions: the client already has their targets, or they are missing. */
  #takeDeletions(): void {
    for (const { client, ranges, nextRange } of this.#sections.values()) {
      this.#filler.takeDeletions(client, ranges, nextRange);
    }
    for (const [client, ranges] of this.#otherRanges) this.#filler.takeDeletions(client, ranges, 0);
  }

  /** Takes all structs with missing dependencies in one go: the client keeps them as pending. */
  #takeStuck(): void {
    const stuck = [...this.#sections.values()].filter(({ left }) => left > 0);
    if (stuck.length > 0 && this.#filler.hasStructs) this.#filler.close();
    for (const section of stuck) {
      while (section.left > 0) {
        this.#reader.readHead(section.at);
        this.#reader.readContent();
        if (this.#reader.info === Content.skip) this.#skip(section);
        else this.#filler.takeWhole(section);
      }
    }
  }
}
