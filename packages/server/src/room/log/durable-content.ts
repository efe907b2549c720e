import type { StateVector } from "../../protocol/state-vector.ts";
import type { UpdateContents } from "../../protocol/update.ts";
import { putVarUint, varUintLength } from "../../protocol/var-uint.ts";
import { VarUintReader } from "../../protocol/var-uint-reader.ts";
import type { Base } from "./base.ts";
import { ClientSearch, RangeSearch } from "./base-index.ts";
import { RangeSet } from "./range-set.ts";

/** The ranges of an update with more deleted ranges than this are not recorded until compaction. */
const MAX_NOTED_RANGES = 8_192;
/** How often a deleted range may alternate between base and tail before it simply counts as new. */
const MAX_TURNS = 64;

/** The runs of an update with more numbers than this are kept as they are and searched. */
const LONG_RUNS = 4_096 * 3;
/** At most this many of those are searched; the rest are not recorded until the next compaction. */
const MOST_LONG = 16;
/** A state vector up to this many changed clients and bytes is rebuilt whenever it has changed. */
const FEW_CLIENTS = 1_000;
const SHORT_VECTOR_BYTES = 32 * 1024;
/** A larger one is rebuilt only after a pause of this many times its last build time. */
const VECTOR_PAUSE = 50;
/** If more clients than this wrote since the base was made, the state vector is not rebuilt. */
const MANY_CLIENTS = 8_192;
/** After this many failed compactions, no further layers are started. */
const MAX_LAYERS = 8;

/** The content of some consecutive updates. */
interface Layer {
  /** Clocks of the clients that wrote. */
  readonly clocks: StateVector;
  readonly deletes: Map<number, RangeSet>;
  /** Runs of updates that have very many, in order of arrival. */
  readonly long: ArrayLike<number>[];
  /** Whether some content is not recorded. */
  isPartial: boolean;
}

/**
 * The content of a base and the updates that followed it: the structs, without gaps, and the deletions.
 * It grows by one update at a time. A compaction moves into the base what was there when it began; what
 * arrived since stays recorded here. Checking whether an update contains anything new takes time
 * proportional to the update, however large the document is.
 */
export class DurableContent {
  readonly #base: Base;
  readonly #clients: ClientSearch;
  readonly #baseDeletes: RangeSearch;
  /** Content recorded since the base was made, newest layer first. */
  readonly #layers: Layer[];
  #vector: Uint8Array | undefined;
  #isVectorOld = false;
  #vectorDueAt = 0;

  constructor(base: Base, layers: readonly Layer[] = []) {
    this.#base = base;
    this.#layers = layers.length === 0 ? [newLayer()] : [...layers];
    this.#clients = new ClientSearch(base.stateVector, base.index.clientSamples);
    this.#baseDeletes = new RangeSearch(base.index);
  }

  /**
   * True if some content is not recorded, and so counts as new although it is not. A new base covers
   * all of it.
   */
  get isPartial(): boolean {
    return this.#layers.some(({ isPartial }) => isPartial);
  }

  /**
   * A compaction begins.
   *
   * @returns call it with the resulting base to get the new content; `null` if too many compactions
   *   have failed
   */
  mark(): ((base: Base) => DurableContent) | null {
    if (this.#layers.length > MAX_LAYERS) return null;
    const before = this.#layers.length;
    this.#layers.unshift(newLayer());
    return (base) => new DurableContent(base, this.#layers.slice(0, this.#layers.length - before));
  }

  /** The clock below which all structs of this client are present. */
  clockOf(client: number): number {
    // A base in which a gap was filled may be ahead of what was recorded since.
    let clock = this.#clients.clockOf(client);
    for (const { clocks } of this.#layers) clock = Math.max(clock, clocks.get(client) ?? 0);
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      for (const runs of this.#layers[i]?.long ?? []) clock = extend(runs, client, clock);
    }
    return clock;
  }

  /** Adds the content of a valid update. Structs after a gap do not count: they may be requested again. */
  add(update: Uint8Array, contents: UpdateContents): void {
    const { runs } = contents;
    if (runs.length > LONG_RUNS) this.#addLong(runs);
    for (let i = 0; i + 2 < runs.length && runs.length <= LONG_RUNS; i += 3) {
      const client = runs[i] ?? 0;
      const to = runs[i + 2] ?? 0;
      const known = this.clockOf(client);
      if ((runs[i + 1] ?? 0) > known || to <= known) continue;
      this.#layers[0]?.clocks.set(client, to);
      this.#isVectorOld = true;
    }
    if (contents.hasDeletes) this.#addDeletes(update, contents);
  }

  /** Whether all content of a valid update is present. */
  includes(update: Uint8Array, contents: UpdateContents): boolean {
    return this.hasStructs(contents) && this.#hasDeletes(update, contents);
  }

  /** Whether all structs of an update are present. */
  hasStructs({ runs }: UpdateContents): boolean {
    for (let i = 0; i + 2 < runs.length; i += 3) {
      if ((runs[i + 2] ?? 0) > this.clockOf(runs[i] ?? 0)) return false;
    }
    return true;
  }

  /**
   * The encoded state vector. It is rebuilt only when it has changed, mostly by copying, and only
   * occasionally when it is long or many clients wrote since the base was made. It may then lag behind
   * the content.
   */
  get vector(): Uint8Array {
    const before = this.#vector;
    if (before !== undefined && !this.#isVectorOld) return before;
    const { stateVector } = this.#base;
    const clients = this.#layers.reduce((sum, { clocks }) => sum + clocks.size, 0);
    if (clients > MANY_CLIENTS || this.#layers.some(({ long }) => long.length > 0)) {
      return before ?? stateVector;
    }
    const began = performance.now();
    const isShort = clients <= FEW_CLIENTS && stateVector.length <= SHORT_VECTOR_BYTES;
    if (before !== undefined && !isShort && began < this.#vectorDueAt) return before;
    this.#vector = this.#makeVector();
    this.#isVectorOld = false;
    const now = performance.now();
    this.#vectorDueAt = now + VECTOR_PAUSE * (now - began);
    return this.#vector;
  }

  #addLong(runs: ArrayLike<number>): void {
    const [layer] = this.#layers;
    if (layer === undefined) return;
    if (this.#layers.reduce((sum, { long }) => sum + long.length, 0) < MOST_LONG) {
      layer.long.push(runs);
    } else {
      layer.isPartial = true;
    }
  }

  #addDeletes(update: Uint8Array, { deletesAt, deleteRanges }: UpdateContents): void {
    const [layer] = this.#layers;
    if (layer === undefined) return;
    if (deleteRanges > MAX_NOTED_RANGES) {
      layer.isPartial = true;
      return;
    }
    const reader = new VarUintReader(update, deletesAt);
    for (let clients = reader.next(); clients > 0; clients--) {
      const client = reader.next();
      let count = reader.next();
      if (count === 0) continue;
      let ranges = layer.deletes.get(client);
      if (ranges === undefined) {
        ranges = new RangeSet();
        layer.deletes.set(client, ranges);
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
      const since = this.#layers.map(({ deletes }) => deletes.get(client));
      for (let count = reader.next(); count > 0; count--) {
        let at = reader.next();
        const end = at + reader.next();
        while (at < end) {
          const before = at;
          at = this.#baseDeletes.endAt(client, at);
          for (const ranges of since) if (at < end && ranges !== undefined) at = ranges.endAt(at);
          if (at === before || --turns < 0) return false;
        }
      }
    }
    return true;
  }

  #makeVector(): Uint8Array {
    const { stateVector } = this.#base;
    const clients = new Set(this.#layers.flatMap(({ clocks }) => [...clocks.keys()]));
    if (clients.size === 0) return stateVector;
    const changed = [...clients]
      .sort((a, b) => b - a)
      .map((client): [number, number] => [client, this.clockOf(client)]);
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

function newLayer(): Layer {
  return { clocks: new Map(), deletes: new Map(), long: [], isPartial: false };
}

/** Extends a client's clock with the runs of an update. */
function extend(runs: ArrayLike<number>, client: number, clock: number): number {
  let low = 0;
  let high = runs.length / 3;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[3 * middle] ?? 0) > client) low = middle + 1;
    else high = middle;
  }
  let end = clock;
  for (let i = 3 * low; runs[i] === client && (runs[i + 1] ?? 0) <= end; i += 3) {
    end = Math.max(end, runs[i + 2] ?? 0);
  }
  return end;
}
