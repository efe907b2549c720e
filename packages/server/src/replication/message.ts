import { createDecoder, type Decoder, readVarString, readVarUint } from "lib0/decoding";
import {
  createEncoder,
  type Encoder,
  toUint8Array,
  writeUint8,
  writeUint8Array,
  writeVarString,
  writeVarUint,
  writeVarUint8Array,
} from "lib0/encoding";
import type { AwarenessState } from "../protocol/awareness.ts";
import { decoding, MalformedError } from "../protocol/malformed-error.ts";
import { takeBytes } from "../protocol/text.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";

/** What one holder of a document tells the others on the bus. */
export interface HolderMessage {
  readonly sender: ServerAddress;
  /** Tells this run of the sender from earlier ones at its address. */
  readonly incarnation: Incarnation;
  /** Drawn at random each time the sender opens the document; its numbers start at 1 then. */
  readonly epoch: number;
  /** The number of this message when it is of type `changes`, else of the last one that was. */
  readonly sequence: number;
  readonly body: HolderBody;
}

export type HolderBody =
  /** What clients of the sender did. */
  | {
      readonly type: "changes";
      /** Encoded updates; all of them are durable. */
      readonly updates: readonly Uint8Array[];
      readonly awareness: readonly PeerAwareness[];
      /** False when something was too large for the bus: ask the sender for it. */
      readonly whole: boolean;
    }
  /** The sender holds the document, and has at least what this state vector says. */
  | { readonly type: "heartbeat"; readonly stateVector: Uint8Array; readonly wantsReply: boolean }
  /** The sender lets the document go. */
  | { readonly type: "leaving" }
  /** Somebody claims a client that the receiver vouches for: is it still there? */
  | { readonly type: "probe"; readonly holder: ServerAddress; readonly client: number };

/** One client's presence, as the server to which it is connected tells it. */
export interface PeerAwareness extends AwarenessState {
  /**
   * Whether the client is surely that of the connection that introduced it. One that was only
   * relayed by another may be claimed.
   */
  readonly isOwn: boolean;
  /** Whether the connection got it from another that had left, or did not answer. */
  readonly isContestable?: boolean;
}

/** How it is encoded whose a client is. */
const Owned = { relayed: 0, own: 1, contestable: 3 } as const;

/** Servers of other versions are not understood, rather than misunderstood. */
const VERSION = 2;

const Type = { changes: 0, heartbeat: 1, leaving: 2, probe: 3 } as const;

export function encodeMessage(message: HolderMessage): Uint8Array {
  const { sender, incarnation, epoch, sequence, body } = message;
  const encoder = createEncoder();
  writeUint8(encoder, VERSION);
  writeVarString(encoder, sender);
  writeVarUint(encoder, incarnation);
  writeVarUint(encoder, epoch);
  writeVarUint(encoder, sequence);
  writeUint8(encoder, Type[body.type]);
  switch (body.type) {
    case "changes":
      writeUint8(encoder, body.whole ? 1 : 0);
      writeVarUint(encoder, body.updates.length);
      for (const update of body.updates) writeVarUint8Array(encoder, update);
      writePeerAwareness(encoder, body.awareness);
      break;
    case "heartbeat":
      writeUint8(encoder, body.wantsReply ? 1 : 0);
      writeUint8Array(encoder, body.stateVector);
      break;
    case "leaving":
      break;
    case "probe":
      writeVarString(encoder, body.holder);
      writeVarUint(encoder, body.client);
      break;
  }
  return toUint8Array(encoder);
}

/**
 * @returns byte arrays are views of `bytes`
 * @throws MalformedError when this is not a message, or one of another version
 */
export function decodeMessage(bytes: Uint8Array): HolderMessage {
  return decoding("message of another server", () => {
    const decoder = createDecoder(bytes);
    const version = readByte(decoder);
    if (version !== VERSION) throw new MalformedError(`version ${version} is not ${VERSION}`);
    const sender = readVarString(decoder);
    const incarnation = readVarUint(decoder);
    const epoch = readVarUint(decoder);
    const sequence = readVarUint(decoder);
    return { sender, incarnation, epoch, sequence, body: readBody(decoder) };
  });
}

export function writePeerAwareness(encoder: Encoder, states: readonly PeerAwareness[]): void {
  writeVarUint(encoder, states.length);
  for (const { client, clock, state, isOwn, isContestable } of states) {
    writeVarUint(encoder, client);
    writeVarUint(encoder, clock);
    if (isOwn) writeUint8(encoder, isContestable === true ? Owned.contestable : Owned.own);
    else writeUint8(encoder, Owned.relayed);
    writeVarUint8Array(encoder, state);
  }
}

/** @returns states are views of what is decoded */
export function readPeerAwareness(decoder: Decoder): PeerAwareness[] {
  return Array.from({ length: readCount(decoder) }, () => {
    const client = readVarUint(decoder);
    const clock = readVarUint(decoder);
    const owned = readByte(decoder);
    const isOwn = owned === Owned.own || owned === Owned.contestable;
    const state = takeBytes(decoder);
    const told = { client, clock, isOwn, state };
    return owned === Owned.contestable ? { ...told, isContestable: true } : told;
  });
}

/** @returns updates are views of what is decoded */
export function readUpdates(decoder: Decoder): Uint8Array[] {
  return Array.from({ length: readCount(decoder) }, () => takeBytes(decoder));
}

function readBody(decoder: Decoder): HolderBody {
  const type = readByte(decoder);
  switch (type) {
    case Type.changes: {
      const whole = readByte(decoder) === 1;
      const updates = readUpdates(decoder);
      return { type: "changes", whole, updates, awareness: readPeerAwareness(decoder) };
    }
    case Type.heartbeat: {
      const wantsReply = readByte(decoder) === 1;
      return { type: "heartbeat", wantsReply, stateVector: decoder.arr.subarray(decoder.pos) };
    }
    case Type.leaving:
      return { type: "leaving" };
    case Type.probe:
      return { type: "probe", holder: readVarString(decoder), client: readVarUint(decoder) };
    default:
      throw new MalformedError(`unknown type ${type}`);
  }
}

/** Every counted thing takes a byte at least, so a larger count is none. */
function readCount(decoder: Decoder): number {
  const count = readVarUint(decoder);
  const left = decoder.arr.length - decoder.pos;
  if (count > left)
    throw new MalformedError(`${count} things announced where ${left} bytes are left`);
  return count;
}

function readByte(decoder: Decoder): number {
  const byte = decoder.arr[decoder.pos++];
  if (byte === undefined) throw new MalformedError("it ends early");
  return byte;
}
