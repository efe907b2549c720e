import {
  createEncoder,
  toUint8Array,
  writeUint8,
  writeVarString,
  writeVarUint,
} from "lib0/encoding";

// Small documents that are expensive to process. They are encoded by hand: Yjs would take as long to
// create them as to integrate them.

/** An item's content type, and which of its neighbours it names. */
const STRING = 4;
const FORMAT = 6;
const TYPE = 7;
const HAS_LEFT = 0x80;
const HAS_RIGHT = 0x40;

/**
 * Takes Yjs quadratic time to integrate: each of `count` clients inserted a character with nothing on
 * its left, so each insertion scans all earlier ones. 30,000 of them are 357 KB, and take minutes.
 */
export function quadraticUpdate(count: number): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, count + 1);
  for (let i = 0; i < count; i++) {
    writeVarUint(encoder, 1);
    writeVarUint(encoder, 10 + count - i);
    writeVarUint(encoder, 0);
    writeUint8(encoder, HAS_RIGHT | STRING);
    writeVarUint(encoder, 0);
    writeVarUint(encoder, Math.min(i + 1, count - 1));
    writeVarString(encoder, "y");
  }
  writeVarUint(encoder, 1);
  writeVarUint(encoder, 0);
  writeVarUint(encoder, 0);
  writeUint8(encoder, STRING);
  writeVarUint(encoder, 1);
  writeVarString(encoder, "t");
  writeVarString(encoder, "x".repeat(count));
  writeVarUint(encoder, 0);
  return toUint8Array(encoder);
}

/**
 * Quadratic to render: a text, in the root `x`, in which each character has one more format than the
 * one before. 6,000 of them are 90 KB, and render to 60 MB of XML.
 *
 * @param isXml whether to make an XML text in a fragment instead of a text
 */
export function formatsUpdate(count: number, isXml: boolean): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, 1);
  writeVarUint(encoder, 2 * count + Number(isXml));
  writeVarUint(encoder, 9);
  writeVarUint(encoder, 0);
  if (isXml) {
    writeUint8(encoder, TYPE);
    writeVarUint(encoder, 1);
    writeVarString(encoder, "x");
    writeVarUint(encoder, 6);
  }
  let clock = Number(isXml);
  /** Begins an item that follows the previous one. */
  const begin = (content: number) => {
    const isFirst = clock === Number(isXml);
    writeUint8(encoder, isFirst ? content : HAS_LEFT | content);
    if (!isFirst) {
      writeVarUint(encoder, 9);
      writeVarUint(encoder, clock - 1);
    } else if (isXml) {
      // Its parent is the text.
      writeVarUint(encoder, 0);
      writeVarUint(encoder, 9);
      writeVarUint(encoder, 0);
    } else {
      writeVarUint(encoder, 1);
      writeVarString(encoder, "x");
    }
    clock++;
  };
  for (let i = 0; i < count; i++) {
    begin(FORMAT);
    writeVarString(encoder, `k${i}`);
    writeVarString(encoder, "1");
    begin(STRING);
    writeVarString(encoder, "c");
  }
  writeVarUint(encoder, 0);
  return toUint8Array(encoder);
}

/** Small in bytes but large in memory: one item for each of `count` clients. */
export function manyItemsUpdate(count: number): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, count);
  for (let i = 0; i < count; i++) {
    writeVarUint(encoder, 1);
    writeVarUint(encoder, count - i);
    writeVarUint(encoder, 0);
    // An embedded list per client, in one map, keyed by client.
    writeUint8(encoder, 0x20 | TYPE);
    writeVarUint(encoder, 1);
    writeVarString(encoder, "m");
    writeVarString(encoder, String(i));
    writeVarUint(encoder, 0);
  }
  writeVarUint(encoder, 0);
  return toUint8Array(encoder);
}

/** XML elements nested in each other, in the root `x`. */
export function nestedUpdate(depth: number): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, 1);
  writeVarUint(encoder, depth);
  writeVarUint(encoder, 9);
  writeVarUint(encoder, 0);
  for (let i = 0; i < depth; i++) {
    writeUint8(encoder, TYPE);
    if (i === 0) {
      writeVarUint(encoder, 1);
      writeVarString(encoder, "x");
    } else {
      writeVarUint(encoder, 0);
      writeVarUint(encoder, 9);
      writeVarUint(encoder, i - 1);
    }
    writeVarUint(encoder, 3);
    writeVarString(encoder, "p");
  }
  writeVarUint(encoder, 0);
  return toUint8Array(encoder);
}
