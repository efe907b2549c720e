import * as encoding from "lib0/encoding";
import { awarenessEntry, awarenessMessage, SYNC_UPDATE, syncMessage } from "../client/messages.ts";

/** Every update types this many characters, and so takes this many clocks. */
export const CHARACTERS_PER_UPDATE = 4;

export const TEXT_ROOT = "text";

const STRING_AFTER_ORIGIN = 0x84;
const STRING_IN_PARENT = 0x04;
const PARENT_IS_ROOT = 1;
const NO_DELETIONS = 0;

/** Client ids as long as those that Yjs draws: nearly all of them take five bytes. */
const FIRST_CLIENT_ID = 2 ** 30;

export function clientIdOf(member: number): number {
  return FIRST_CLIENT_ID + member;
}

export function memberOf(clientId: number): number {
  return clientId - FIRST_CLIENT_ID;
}

/** The encoded Yjs update with which a member types its `number`th piece, after its piece before. */
export function encodeUpdate(member: number, number: number): Uint8Array {
  const client = clientIdOf(member);
  const clock = number * CHARACTERS_PER_UPDATE;
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
    if (number === 0) {
      encoding.writeUint8(encoder, STRING_IN_PARENT);
      encoding.writeVarUint(encoder, PARENT_IS_ROOT);
      encoding.writeVarString(encoder, TEXT_ROOT);
    } else {
      encoding.writeUint8(encoder, STRING_AFTER_ORIGIN);
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, clock - 1);
    }
    encoding.writeVarString(encoder, (number % 1000).toString().padStart(3, "0").concat(" "));
    encoding.writeVarUint(encoder, NO_DELETIONS);
  });
}

export function updateMessage(member: number, number: number): Uint8Array {
  return syncMessage(SYNC_UPDATE, encodeUpdate(member, number));
}

/** A member's presence with this clock: about 100 bytes with a name, a colour and a cursor that moves. */
export function presenceMessage(member: number, clock: number): Uint8Array {
  const position = 1000 + clock;
  const json = `{"user":{"name":"Writer ${member}","color":"#30bced","colorLight":"#30bced33"},"cursor":{"anchor":${position},"head":${position}}}`;
  return awarenessMessage([awarenessEntry(clientIdOf(member), clock, json)]);
}
