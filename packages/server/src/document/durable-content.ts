import type { StateVector } from "../protocol/state-vector.ts";
import type { UpdateContents } from "../protocol/update.ts";
import { putVarUint, varUintLength } from "../protocol/var-uint.ts";
import { VarUintReader } from "../protocol/var-uint-reader.ts";
import type { Base } from "./base.ts";
import { ClientSearch, RangeSearch } from "./base-index.ts";
import { RangeSet } from "./range-set.ts";

/** Updates with more deleted ranges than this are not noted one by one: compaction takes them up. */
const MAX_NOTED_RANGES = 8_192;
/** How often a deleted range may go on from the base to the tail and back before it counts as new. */
const MAX_TURNS = 64;

/**
 * What a base and the updates that followed it hold: which structs, without gaps, and which deletions.
 * It grows by one update at a time. To find out whether an update holds anything new takes time for
 * that update, however large the document is.
 */
export class DurableContent {
  readonly #base: Base;
  readonly #clients: ClientSearch;
  readonly #baseDeletes: RangeSearch;
  /** Clocks of the clients that wrote since. */
  readonly #clocks: StateVector = new Map();
  /** What was deleted since. */
  readonly #deletes: Map<number, RangeSet> = new Map();
  #isPartial = false;
  #vector: Uint8Array | undefined;

  constructor(base: Base) {
    this.#base = base;
    this.#clients = new ClientSearch(base.stateVector, base.index.clientSamples);
    this.#baseDeletes = new RangeSearch(base.index);
  }

  /**
   * True when it does not know of all deletions, so that some count as new though they are not. A
   * new base knows them all.
   */
  get isPartial(): boolean {
    return this.#isPartial;
  }

  /** All structs of this client with a clock below that are there. */
  clockOf(client: number): number {
    return this.#clocks.get(client) ?? this.#clients.clockOf(client);
  }

  /** Adds what a valid update holds. What leaves a gap is not counted: it may be asked for again. */
  add(update: Uint8Array, contents: UpdateContents): void {
    const { runs } = contents;
    for (let i = 0; i + 2 < runs.length; i += 3) {
      const client = runs[i] ?? 0;
      const to = runs[i + 2] ?? 0;
      const known = this.clockOf(client);
      if ((runs[i + 1] ?? 0) > known || to <= known) continue;
      this.#clocks.set(client, to);
      this.#vector = undefined;
    }
    if (contents.hasDeletes) this.#addDeletes(update, contents);
  }

  /** Whether a valid update holds only what is there. */
  includes(update: Uint8Array, contents: UpdateContents): boolean {
    return this.hasStructs(contents) && this.#hasDeletes(update, contents);
  }

  /** Whether the structs of an update are there. */
  hasStructs({ runs }: UpdateContents): boolean {
    for (let i = 0; i + 2 < runs.length; i += 3) {
      if ((runs[i + 2] ?? 0) > this.clockOf(runs[i] ?? 0)) return false;
    }
    return true;
  }

  /** The encoded state vector. It is made anew only when it has changed, mostly by copying. */
  get vector(): Uint8Array {
    this.#vector ??= this.#makeVector();
    return this.#vector;
  }

  #addDeletes(update: Uint8Array, { deletesAt, deleteRanges }: UpdateContents): void {
    if (deleteRanges > MAX_NOTED_RANGES) {
      this.#isPartial = true;
      return;
    }
    const reader = new VarUintReader(update, deletesAt);
    for (let clients = reader.next(); clients > 0; clients--) {
      const client = reader.next();
      let count = reader.next();
      if (count === 0) continue;
      let ranges = this.#deletes.get(client);
      if (ranges === undefined) {
        ranges = new RangeSet();
        this.#deletes.set(client, ranges);
      }
      for (; count > 0; count--) {
        const from = reader.next();
        ranges.add(from, from + reader.next());
      }
    }
  }

  #hasDeletes(update: Uint8Array, { deletesAt, deleteRanges }: UpdateContents): boolean {
    if (deleteRanges === 0) return true;
    let turns = MAX_TURNS + 2 * deleteRanges;
    const reader = new VarUintReader(update, deletesAt);
    for (let clients = reader.next(); clients > 0; clients--) {
      const client = reader.next();
      const since = this.#deletes.get(client);
      for (let count = reader.next(); count > 0; count--) {
        let at = reader.next();
        const end = at + reader.next();
        while (at < end) {
          const before = at;
          at = this.#baseDeletes.endAt(client, at);
          if (at < end && since !== undefined) at = since.endAt(at);
          if (at === before || --turns < 0) return false;
        }
      }
    }
    return true;
  }

  #makeVector(): Uint8Array {
    const { stateVector } = this.#base;
    if (this.#clocks.size === 0) return stateVector;
    const changed = [...this.#clocks].sort(([a], [b]) => b - a);
    const header = varUintLength(new VarUintReader(stateVector).next());
    let count = new VarUintReader(stateVector).next();
    let length = stateVector.length;
    const places = changed.map(([client, clock]) => {
      const place = this.#clients.locate(client);
      if (place.start === place.end) count++;
      length += varUintLength(client) + varUintLength(clock) - (place.end - place.start);
      return place;
    });
    const vector = new Uint8Array(length - header + varUintLength(count));
    let at = putVarUint(vector, 0, count);
    let copied = header;
    for (const [i, { start, end }] of places.entries()) {
      const [client = 0, clock = 0] = changed[i] ?? [];
      vector.set(stateVector.subarray(copied, start), at);
      at = putVarUint(vector, at + start - copied, client);
      at = putVarUint(vector, at, clock);
      copied = end;
    }
    vector.set(stateVector.subarray(copied), at);
    return vector;
  }
}
