import { createDecoder, type Decoder, readUint8, readVarUint } from "lib0/decoding";
import { skipAny } from "./lib0-any.ts";
import { MalformedError } from "./malformed-error.ts";
import { skipString, takeBytes } from "./text.ts";

/** The content types of structs, as Yjs numbers them in the low bits of a struct's first byte. */
export const Content = {
  collected: 0,
  deleted: 1,
  json: 2,
  binary: 3,
  string: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  document: 9,
  skip: 10,
} as const;

export const HAS_ORIGIN = 0x80;
export const HAS_RIGHT_ORIGIN = 0x40;
const HAS_PARENT_KEY = 0x20;
const CONTENT = 0x1f;

/** The id of another struct: its client and one of its clocks. */
export interface StructId {
  client: number;
  clock: number;
}

/**
 * Reads the structs of an encoded update (format V1) in place, one at a time, into its own fields.
 * The update must have been validated.
 */
export class StructReader {
  /** The first byte of the struct. */
  info = 0;
  /** The offsets at which its content begins and the struct ends. */
  contentAt = 0;
  end = 0;
  /** In clock units. */
  length = 0;
  /** The structs that it depends on; the client is -1 if there is none. */
  readonly origin: StructId = { client: -1, clock: 0 };
  readonly rightOrigin: StructId = { client: -1, clock: 0 };
  readonly parent: StructId = { client: -1, clock: 0 };
  readonly #decoder: Decoder;

  constructor(update: Uint8Array) {
    this.#decoder = createDecoder(update);
  }

  /** One of `Content`. */
  get content(): number {
    return this.info & CONTENT;
  }

  /** Reads everything before the content. */
  readHead(at: number): void {
    const decoder = this.#decoder;
    const { origin, rightOrigin, parent } = this;
    decoder.pos = at;
    this.info = readUint8(decoder);
    origin.client = -1;
    rightOrigin.client = -1;
    parent.client = -1;
    const { content } = this;
    if (content !== Content.collected && this.info !== Content.skip) {
      if (this.info & HAS_ORIGIN) this.#readId(origin);
      if (this.info & HAS_RIGHT_ORIGIN) this.#readId(rightOrigin);
      if (!(this.info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN))) {
        if (readVarUint(decoder) === 1) takeBytes(decoder);
        else this.#readId(parent);
        if (this.info & HAS_PARENT_KEY) takeBytes(decoder);
      }
    }
    this.contentAt = decoder.pos;
  }

  /** Continues after `readHead`: finds the end and the length of the struct. */
  readContent(): void {
    const decoder = this.#decoder;
    this.length = this.#skipContent();
    this.end = decoder.pos;
  }

  /** Reads a number at an offset. @returns the number and the offset after it */
  numberAt(at: number): { value: number; end: number } {
    const decoder = this.#decoder;
    decoder.pos = at;
    return { value: readVarUint(decoder), end: decoder.pos };
  }

  /**
   * @returns the end of the array element (`Content.any`, `Content.json`) that begins at an
   *   offset
   */
  elementEnd(at: number): number {
    const decoder = this.#decoder;
    decoder.pos = at;
    if (this.content === Content.any) skipAny(decoder);
    else takeBytes(decoder);
    return decoder.pos;
  }

  #readId(id: StructId): void {
    id.client = readVarUint(this.#decoder);
    id.clock = readVarUint(this.#decoder);
  }

  #skipContent(): number {
    const decoder = this.#decoder;
    switch (this.content) {
      case Content.collected:
      case Content.deleted:
      case Content.skip:
        return readVarUint(decoder);
      case Content.json: {
        const count = readVarUint(decoder);
        for (let i = 0; i < count; i++) takeBytes(decoder);
        return count;
      }
      case Content.any: {
        const count = readVarUint(decoder);
        for (let i = 0; i < count; i++) skipAny(decoder);
        return count;
      }
      case Content.string:
        return skipString(decoder);
      case Content.binary:
      case Content.embed:
        takeBytes(decoder);
        return 1;
      case Content.format:
        takeBytes(decoder);
        takeBytes(decoder);
        return 1;
      case Content.type: {
        const type = readVarUint(decoder);
        if (type === 3 || type === 5) takeBytes(decoder);
        return 1;
      }
      case Content.document:
        takeBytes(decoder);
        skipAny(decoder);
        return 1;
      default:
        throw new MalformedError(`unknown content ${this.content}`);
    }
  }
}
