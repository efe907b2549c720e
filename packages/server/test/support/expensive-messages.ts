import {
  createEncoder,
  toUint8Array,
  writeUint8,
  writeVarString,
  writeVarUint,
} from "lib0/encoding";
import * as prng from "lib0/prng";
import { type Deletion, type Run, updateOf } from "./made-updates.ts";
import { encodeRaw } from "./raw-messages.ts";

/** A message from a client, with its description. */
export interface Message {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The client id of a series' own awareness state. */
const OWN = 7;

/** Makes messages that cost a server more than their size suggests, deterministically for a seed. */
export class ExpensiveMessages {
  readonly #random: prng.PRNG;
  readonly #largest: number;
  #clock = 1;

  /** @param largest how many structs, ranges or clients one message may name */
  constructor(seed: number, largest: number) {
    this.#random = prng.create(seed);
    this.#largest = largest;
  }

  next(): Message {
    const made = this.#make();
    if (this.#below(8) > 0) return made;
    const bytes = made.bytes.slice();
    switch (this.#below(3)) {
      case 0:
        return { name: `${made.name}, cut`, bytes: bytes.subarray(0, this.#below(bytes.length)) };
      case 1:
        bytes[this.#below(bytes.length)] = this.#below(256);
        return { name: `${made.name}, one byte changed`, bytes };
      default:
        return { name: `${made.name}, continued`, bytes: Uint8Array.from([...bytes, 1, 2, 3]) };
    }
  }

  #make(): Message {
    const makers: (() => Message)[] = [
      () => this.#sync("update", "clients", updateOf(this.#runs(), [])),
      () => this.#sync("update", "deletions", updateOf([], this.#deletions())),
      () => this.#sync("step2", "deletions returned", updateOf([], this.#deletions())),
      () => this.#sync("step2", "clients returned", updateOf(this.#runs(), [])),
      () =>
        this.#sync(
          "step2",
          "one deletion returned",
          updateOf([], [{ client: 7, from: 0, length: 1 }]),
        ),
      () => this.#sync("update", "skips", this.#skips()),
      () => this.#sync("update", "interleaved", this.#interleaved()),
      () => this.#sync("update", "JSON", this.#json()),
      () => this.#sync("update", "any", this.#any()),
      () => this.#sync("update", "text", this.#text()),
      () => this.#stateVector(),
      () => this.#question(),
      () => this.#churn(),
      () => this.#presence(),
      () => ({ name: "presence query", bytes: encodeRaw({ type: "query" }) }),
    ];
    const maker = makers[this.#below(makers.length)];
    if (maker === undefined) throw new Error("there is no such maker");
    return maker();
  }

  #sync(type: "update" | "step2", name: string, update: Uint8Array): Message {
    return { name: `${type}: ${name}`, bytes: encodeRaw({ type, update }) };
  }

  /** A count that is small as often as large, up to the maximum. */
  #many(): number {
    return Math.max(1, Math.floor(this.#largest ** prng.real53(this.#random)));
  }

  #below(limit: number): number {
    return limit < 1 ? 0 : prng.uint32(this.#random, 0, limit - 1);
  }

  #runs(): Run[] {
    const step = 1 + this.#below(9);
    const first = 1 + this.#below(20);
    const length = 1 + this.#below(3);
    return Array.from({ length: this.#many() }, (_, i) => ({
      client: first + i * step,
      from: 0,
      length,
    }));
  }

  #deletions(): Deletion[] {
    const clients = 1 + this.#below(this.#many());
    const step = 1 + this.#below(4);
    const deletions = Array.from({ length: this.#many() }, (_, i) => ({
      client: 1 + (i % clients),
      from: Math.floor(i / clients) * step,
      length: 1 + this.#below(step),
    }));
    switch (this.#below(3)) {
      case 0:
        return deletions;
      case 1:
        return deletions.toReversed();
      default:
        return deletions.sort(() => this.#below(3) - 1);
    }
  }

  /** Structs of one client, with a gap after each. */
  #skips(): Uint8Array {
    const encoder = createEncoder();
    const count = this.#many();
    writeVarUint(encoder, 1);
    writeVarUint(encoder, 2 * count);
    writeVarUint(encoder, 1 + this.#below(50));
    writeVarUint(encoder, this.#below(2));
    for (let i = 0; i < count; i++) {
      writeUint8(encoder, 0);
      writeVarUint(encoder, 1);
      writeUint8(encoder, 10);
      writeVarUint(encoder, 1 + this.#below(3));
    }
    writeVarUint(encoder, 0);
    return toUint8Array(encoder);
  }

  /** Every hundredth client, starting anywhere, so that several of these interleave. */
  #interleaved(): Uint8Array {
    const first = 1 + this.#below(100);
    const count = Math.min(this.#many(), 2_000);
    const runs = Array.from({ length: count }, (_, i) => ({
      client: first + 100 * i,
      from: 0,
      length: 1,
    }));
    return updateOf(runs, []);
  }

  /** One struct of embedded JSON: deep, wide, or full of escapes. */
  #json(): Uint8Array {
    const many = this.#many();
    const json = [
      () => "[".repeat(Math.min(500, many)) + "]".repeat(Math.min(500, many)),
      () => `[${Array.from({ length: many }, () => "{}").join(",")}]`,
      () => `[${Array.from({ length: many }, () => "1e9").join(",")}]`,
      () => `{${Array.from({ length: many }, (_, i) => `"${i}":0`).join(",")}}`,
      () => JSON.stringify("\u0001".repeat(many)),
      () => `["${"é".repeat(many)}"]`,
    ][this.#below(6)];
    return this.#struct(5, (encoder) => writeVarString(encoder, json?.() ?? "[]"));
  }

  /** One struct of values in lib0's encoding. */
  #any(): Uint8Array {
    const many = this.#many();
    const shape = this.#below(4);
    return this.#struct(8, (encoder) => {
      if (shape === 0) {
        writeVarUint(encoder, many);
        for (let i = 0; i < many; i++) writeUint8(encoder, 126);
        return;
      }
      writeVarUint(encoder, 1);
      if (shape === 1) {
        const depth = Math.min(490, many);
        for (let i = 0; i < depth; i++) {
          writeUint8(encoder, 117);
          writeVarUint(encoder, 1);
        }
        writeUint8(encoder, 126);
      } else {
        writeUint8(encoder, shape === 2 ? 117 : 118);
        writeVarUint(encoder, many);
        for (let i = 0; i < many; i++) {
          if (shape === 3) writeVarString(encoder, "k");
          writeUint8(encoder, 117);
          writeVarUint(encoder, 0);
        }
      }
    });
  }

  #text(): Uint8Array {
    const text = ["x", "é", "語", "🎻"][this.#below(4)] ?? "x";
    return this.#struct(4, (encoder) => writeVarString(encoder, text.repeat(this.#many())));
  }

  #struct(content: number, write: (encoder: ReturnType<typeof createEncoder>) => void): Uint8Array {
    const encoder = createEncoder();
    for (const number of [1, 1, 1 + this.#below(2 ** 31), 0]) writeVarUint(encoder, number);
    writeUint8(encoder, content);
    writeVarUint(encoder, 1);
    writeVarString(encoder, "t");
    write(encoder);
    writeVarUint(encoder, 0);
    return toUint8Array(encoder);
  }

  #stateVector(): Message {
    const encoder = createEncoder();
    const count = this.#below(4) === 0 ? 0 : this.#many();
    writeVarUint(encoder, count);
    for (let i = 0; i < count; i++) {
      writeVarUint(encoder, 1 + i);
      writeVarUint(encoder, this.#below(2));
    }
    return {
      name: "state vector",
      bytes: encodeRaw({ type: "step1", stateVector: toUint8Array(encoder) }),
    };
  }

  #question(): Message {
    return {
      name: "question of a new client",
      bytes: encodeRaw({ type: "step1", stateVector: Uint8Array.of(0) }),
    };
  }

  /** Clients that come and go. */
  #churn(): Message {
    const first = 100 + this.#below(1_000_000);
    const states = Array.from({ length: this.#many() }, (_, i) => ({
      client: first + (i >> 1),
      clock: i & 1,
      state: i & 1 ? null : {},
    }));
    return { name: "presence: churn", bytes: encodeRaw({ type: "presence", states }) };
  }

  #presence(): Message {
    const many = Math.min(this.#many(), 10_000);
    const value = [
      () => Array.from({ length: many }, () => ({})),
      () => "é".repeat(many),
      () => Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, i])),
    ][this.#below(3)];
    const states = [{ client: OWN, clock: this.#clock++, state: value?.() }];
    return { name: "presence: a state", bytes: encodeRaw({ type: "presence", states }) };
  }
}
