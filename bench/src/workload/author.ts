import * as encoding from "lib0/encoding";
import { awarenessEntry, awarenessMessage, SYNC_UPDATE, syncMessage } from "../client/messages.ts";

/** Every update types this many characters, and so takes this many clocks. */
export const CHARACTERS_PER_UPDATE = 4;

export const TEXT_ROOT = "text";

const STRING_AFTER_ORIGIN = 0x84;
const STRING_IN_PARENT = 0x04;
const PARENT_IS_ROOT = 1;
const NO_DELETIONS = 0;

/** Client ids as long as those that Yjs generates: nearly all of them take five bytes. */
const FIRST_CLIENT_ID = 2 ** 30;

export function clientIdOf(member: number): number {
  return FIRST_CLIENT_ID + member;
}

export function memberOf(clientId: number): number {
  return clientId - FIRST_CLIENT_ID;
}

/** What a member typed: its pieces from number `from` up to, but excluding, number `to`. */
export interface Typed {
  readonly member: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Encodes the Yjs update with which a member types its `number`th piece, after its previous one.
 */
export function encodeUpdate(member: number, number: number): Uint8Array {
  return encodeTyped([{ member, from: number, to: number + 1 }]);
}

/** Encodes one Yjs update of several members' pieces: each member once, at least one piece each. */
export function encodeTyped(typed: readonly Typed[]): Uint8Array {
  // The order in which Yjs writes the clients of an update.
  const descending = typed.toSorted((a, b) => b.member - a.member);
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, descending.length);
    for (const { member, from, to } of descending) {
      encoding.writeVarUint(encoder, to - from);
      encoding.writeVarUint(encoder, clientIdOf(member));
      encoding.writeVarUint(encoder, from * CHARACTERS_PER_UPDATE);
      for (let number = from; number < to; number++) writePiece(encoder, member, number);
    }
    encoding.writeVarUint(encoder, NO_DELETIONS);
  });
}

function writePiece(encoder: encoding.Encoder, member: number, number: number): void {
  if (number === 0) {
    encoding.writeUint8(encoder, STRING_IN_PARENT);
    encoding.writeVarUint(encoder, PARENT_IS_ROOT);
    encoding.writeVarString(encoder, TEXT_ROOT);
  } else {
    encoding.writeUint8(encoder, STRING_AFTER_ORIGIN);
    encoding.writeVarUint(encoder, clientIdOf(member));
    encoding.writeVarUint(encoder, number * CHARACTERS_PER_UPDATE - 1);
  }
  encoding.writeVarString(encoder, (number % 1000).toString().padStart(3, "0").concat(" "));
}

/** Encodes the state vector of a client that has everything that was typed. */
export function encodeStateVector(typed: readonly Typed[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, typed.length);
    for (const { member, to } of typed) {
      encoding.writeVarUint(encoder, clientIdOf(member));
      encoding.writeVarUint(encoder, to * CHARACTERS_PER_UPDATE);
    }
  });
}

/** Encodes the message with which a member types `count` pieces after its first `number`. */
export function updateMessage(member: number, number: number, count: number): Uint8Array {
  const typed = [{ member, from: number, to: number + count }];
  return syncMessage(SYNC_UPDATE, encodeTyped(typed));
}

/** A cursor is this far into the text, plus one character for each move of its member. */
const FIRST_POSITION = 1000;

/**
 * Returns the `number`th presence state of a member: about 100 bytes with a name, a colour and a
 * moving cursor.
 */
export function presenceMessage(member: number, clock: number, number: number): Uint8Array {
  const position = FIRST_POSITION + number;
  const json = `{"user":{"name":"Writer ${member}","color":"#30bced","colorLight":"#30bced33"},"cursor":{"anchor":${position},"head":${position}}}`;
  return awarenessMessage([awarenessEntry(clientIdOf(member), clock, json)]);
}

/** Reads the number of the presence state that ends before `end`: servers may change its clock. */
export function presenceNumber(buffer: Buffer, end: number): number {
  let position = 0;
  let digit = 1;
  for (let at = end - 3; ; at--) {
    const value = (buffer[at] ?? 0) - 0x30;
    if (value < 0 || value > 9) return position - FIRST_POSITION;
    position += value * digit;
    digit *= 10;
  }
}
