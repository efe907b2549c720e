import * as encoding from "lib0/encoding";
import * as prng from "lib0/prng";
import * as Y from "yjs";
import { encodeRaw, type RawMessage } from "./raw-messages.ts";

/** Numbers of 2⁵³ and more, one that is merely large, and one encoded longer than necessary. */
const ABSURD = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x00],
];

/** Makes messages that no provider would send, deterministically for a seed. */
export class HostileFrames {
  readonly #random: prng.PRNG;
  readonly #real = realFrames();

  constructor(seed: number) {
    this.#random = prng.create(seed);
  }

  /** An integer from 0 up to but excluding `limit`. */
  below(limit: number): number {
    return prng.uint32(this.#random, 0, limit - 1);
  }

  next(): Uint8Array {
    const frame = this.#pick(this.#real);
    switch (this.below(7)) {
      case 0:
        return this.#noise();
      case 1:
        return frame.subarray(0, this.below(frame.length));
      case 2:
        return this.#flipped(frame);
      case 3: {
        const at = this.below(frame.length);
        const [head, tail] = [frame.subarray(0, at), frame.subarray(at + 1)];
        return Uint8Array.from([...head, ...this.#pick(ABSURD), ...tail]);
      }
      case 4:
        return Uint8Array.from([...frame, ...this.#pick(this.#real)]);
      case 5: {
        const other = this.#pick(this.#real);
        const head = frame.subarray(0, this.below(frame.length));
        return Uint8Array.from([...head, ...other.subarray(this.below(other.length))]);
      }
      default:
        return frame;
    }
  }

  /** Half of these begin like a message, because most first bytes are an unknown type and ignored. */
  #noise(): Uint8Array {
    const noise = prng.uint8Array(this.#random, this.below(64));
    if (noise.length > 2 && this.below(2) === 0) {
      noise[0] = this.below(4);
      noise[1] = this.below(3);
    }
    return noise;
  }

  #flipped(frame: Uint8Array): Uint8Array {
    const flipped = frame.slice();
    for (let i = this.below(4); i >= 0; i--) flipped[this.below(frame.length)] = this.below(256);
    return flipped;
  }

  #pick<T>(list: readonly T[]): T {
    return prng.oneOf(this.#random, [...list]);
  }
}

/** An awareness message whose only state is this text, valid or not. */
export function presenceFrame(json: Uint8Array): Uint8Array {
  return presenceFrameOf((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, 1_234);
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint8Array(encoder, json);
  });
}

/** An awareness message with this body, valid or not. */
export function presenceFrameOf(write: (encoder: encoding.Encoder) => void): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint8Array(encoder, encoding.encode(write));
  });
}

/** Messages as sent by providers, with every kind of content. */
function realFrames(): Uint8Array[] {
  const doc = new Y.Doc();
  doc.clientID = 7;
  const text = doc.getText("text");
  text.insert(0, "some text 🙂 with formats");
  text.format(2, 5, { bold: true });
  text.insertEmbed(3, { image: "x.png" });
  doc.getMap("map").set("key", { nested: [1, 2.5, null, "x", new Uint8Array(3), 2n ** 40n] });
  doc.getMap("map").set("subdocument", new Y.Doc({ guid: "inner" }));
  doc.getArray("array").insert(0, [new Y.Map(), new Y.XmlElement("p"), 1, 2, "a\u0000b"]);
  doc.getArray("array").delete(1, 2);
  const update = Y.encodeStateAsUpdate(doc);
  const presence = { client: 7, clock: 3, state: { user: { name: "Zoë" }, cursor: [1, 2] } };
  const other = new Y.Doc();
  other.getText("text").insert(0, "another text");
  const messages: RawMessage[] = [
    { type: "step1", stateVector: Y.encodeStateVector(doc) },
    { type: "step2", update },
    { type: "update", update },
    { type: "update", update: Y.encodeStateAsUpdate(other) },
    { type: "presence", states: [presence, { client: 8, clock: 0, state: null }] },
    { type: "query" },
    { type: "denied", reason: "no" },
  ];
  return messages.map(encodeRaw);
}
