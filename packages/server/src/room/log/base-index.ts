import { canonicalDeletes } from "../../protocol/delete-set.ts";
import { VarUintReader } from "../../protocol/var-uint-reader.ts";

/** One of this many pairs is sampled; a search reads no more than this many. */
const STEP = 16;
/** Numbers per sample: client id, clock, offset in bytes, remaining pairs of that client. */
const SAMPLE = 4;

/**
 * Allows searching a base without reading all of it: its state vector and its delete set are sorted, so
 * it is enough to know the position of every sixteenth pair. It is built together with the base, by a
 * worker if the base is large, and is about a tenth of the size of what it describes.
 */
export interface BaseIndex {
  /** The delete set in its canonical form; usually a view into the base. */
  readonly deletes: Uint8Array;
  readonly deleteSamples: Float64Array;
  /** Client id and offset in the state vector, repeated. */
  readonly clientSamples: Float64Array;
}

/**
 * @param stateVector with its clients in descending order
 * @param deletes a valid encoded delete set
 */
export function indexBase(stateVector: Uint8Array, deletes: Uint8Array): BaseIndex {
  const canonical = canonicalDeletes(deletes);
  return {
    deletes: canonical,
    deleteSamples: sampleDeletes(canonical),
    clientSamples: sampleClients(stateVector),
  };
}

function sampleClients(stateVector: Uint8Array): Float64Array {
  const reader = new VarUintReader(stateVector);
  const samples: number[] = [];
  const clients = reader.next();
  for (let i = 0; i < clients; i++) {
    const { at } = reader;
    const client = reader.next();
    if (i % STEP === 0) samples.push(client, at);
    reader.next();
  }
  return Float64Array.from(samples);
}

function sampleDeletes(deletes: Uint8Array): Float64Array {
  const reader = new VarUintReader(deletes);
  const samples: number[] = [];
  let sinceSample = STEP;
  for (let clients = reader.next(); clients > 0; clients--) {
    const client = reader.next();
    for (let count = reader.next(); count > 0; count--) {
      const { at } = reader;
      const clock = reader.next();
      if (++sinceSample > STEP) {
        samples.push(client, clock, at, count);
        sinceSample = 1;
      }
      reader.next();
    }
  }
  return Float64Array.from(samples);
}

/** Looks up clocks in an encoded state vector. Fastest if clients are looked up in descending order. */
export class ClientSearch {
  readonly #reader: VarUintReader;
  readonly #samples: Float64Array;
  /** The pair that was read last, and the sample it follows. */
  #client = Number.NaN;
  #clock = 0;
  #sample = -1;
  #start = 0;

  constructor(stateVector: Uint8Array, samples: Float64Array) {
    this.#reader = new VarUintReader(stateVector);
    this.#samples = samples;
  }

  /** The clock of a client; 0 if it is not in the state vector. */
  clockOf(client: number): number {
    return this.#seek(client) ? this.#clock : 0;
  }

  /** Where the pair of a client is or, with `start` equal to `end`, would have to be inserted. */
  locate(client: number): { start: number; end: number } {
    if (this.#samples.length === 0) {
      const { length } = this.#reader.bytes;
      return { start: length, end: length };
    }
    const found = this.#seek(client);
    const { at } = this.#reader;
    if (found) return { start: this.#start, end: at };
    // The pair read last is the first one after that place, or the last of all.
    const place = this.#client < client ? this.#start : at;
    return { start: place, end: place };
  }

  #seek(client: number): boolean {
    const samples = this.#samples;
    if (this.#client === client) return true;
    const reader = this.#reader;
    const nextSample = samples[2 * (this.#sample + 1)];
    const isAhead = client < this.#client && (nextSample === undefined || client > nextSample);
    if (!isAhead) {
      this.#sample = sampleOf(samples, client);
      if (this.#sample < 0) {
        this.#sample = 0;
        if (samples.length === 0) return false;
      }
      reader.at = samples[2 * this.#sample + 1] ?? 0;
      this.#read();
    }
    while (this.#client > client && reader.at < reader.bytes.length) this.#read();
    return this.#client === client;
  }

  #read(): void {
    this.#start = this.#reader.at;
    this.#client = this.#reader.next();
    this.#clock = this.#reader.next();
    if (this.#client === this.#samples[2 * (this.#sample + 1)]) this.#sample++;
  }
}

/** The last sample whose client is not below `client`; -1 if there is none. */
function sampleOf(samples: Float64Array, client: number): number {
  let low = 0;
  let high = samples.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((samples[2 * middle] ?? 0) >= client) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Looks up ranges in a canonical delete set. Fastest if lookups follow its order. */
export class RangeSearch {
  readonly #reader: VarUintReader;
  readonly #samples: Float64Array;
  #sample = -1;
  /** The range that was read last, and how many ranges of the same client follow. */
  #client = Number.POSITIVE_INFINITY;
  #from = 0;
  #to = 0;
  #left = 0;
  /** Where the range after it begins; a range that was read ahead is read again from here. */
  #next = 0;

  constructor(index: BaseIndex) {
    this.#reader = new VarUintReader(index.deletes);
    this.#samples = index.deleteSamples;
  }

  /** The clock after the range that contains `clock`; `clock` itself if none does. */
  endAt(client: number, clock: number): number {
    if (this.#samples.length === 0) return clock;
    const next = SAMPLE * (this.#sample + 1);
    const isAhead =
      this.#sample >= 0 &&
      !isBefore(client, clock, this.#client, this.#from) &&
      (next >= this.#samples.length ||
        isBefore(client, clock, this.#samples[next] ?? 0, this.#samples[next + 1] ?? 0));
    if (!isAhead && !this.#jump(client, clock)) return clock;
    while (this.#advance(client, clock));
    return this.#client === client ? Math.max(clock, this.#to) : clock;
  }

  /** Reads the range of the last sample that is not after this position. @returns false if none is */
  #jump(client: number, clock: number): boolean {
    const samples = this.#samples;
    let low = 0;
    let high = samples.length / SAMPLE;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = SAMPLE * middle;
      if (isBefore(client, clock, samples[at] ?? 0, samples[at + 1] ?? 0)) high = middle;
      else low = middle + 1;
    }
    this.#sample = low - 1;
    if (low === 0) return false;
    const at = SAMPLE * (low - 1);
    const reader = this.#reader;
    reader.at = samples[at + 2] ?? 0;
    this.#client = samples[at] ?? 0;
    this.#left = (samples[at + 3] ?? 1) - 1;
    this.#from = reader.next();
    this.#to = this.#from + reader.next();
    this.#next = reader.at;
    return true;
  }

  /** Reads the next range unless it is after this position. */
  #advance(client: number, clock: number): boolean {
    const reader = this.#reader;
    reader.at = this.#next;
    if (reader.at >= reader.bytes.length) return false;
    let owner = this.#client;
    let left = this.#left;
    while (left === 0) {
      if (reader.at >= reader.bytes.length) return false;
      owner = reader.next();
      left = reader.next();
    }
    const from = reader.next();
    if (isBefore(client, clock, owner, from)) return false;
    this.#client = owner;
    this.#left = left - 1;
    this.#from = from;
    this.#to = from + reader.next();
    this.#next = reader.at;
    const sample = SAMPLE * (this.#sample + 1);
    if (this.#samples[sample] === owner && this.#samples[sample + 1] === from) this.#sample++;
    return true;
  }
}

/** Whether one position precedes another: clients descend, their clocks ascend. */
function isBefore(client: number, clock: number, otherClient: number, otherClock: number): boolean {
  return client > otherClient || (client === otherClient && clock < otherClock);
}
