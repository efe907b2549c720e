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

/** A message from one holder of a document to the others, sent on the bus. */
export interface HolderMessage {
  readonly sender: ServerAddress;
  /** Distinguishes this run of the sender from earlier runs at its address. */
  readonly incarnation: Incarnation;
  /** Random, chosen each time the sender opens the document; sequence numbers then restart at 1. */
  readonly epoch: number;
  /**
   * The number of this message if its type is `changes`, otherwise of the last message that was.
   */
  readonly sequence: number;
  readonly body: HolderBody;
}

export type HolderBody =
  /** Changes made by clients of the sender. */
  | {
      readonly type: "changes";
      /** Encoded updates, all of them durable. */
      readonly updates: readonly Uint8Array[];
      readonly awareness: AwarenessReport;
      /** False if the updates were too large for the bus: ask the sender for them. */
      readonly whole: boolean;
    }
  /** The sender holds the document, and has at least the state of this vector. */
  | { readonly type: "heartbeat"; readonly stateVector: Uint8Array; readonly wantsReply: boolean }
  /** The sender is unloading the document. */
  | { readonly type: "leaving" }
  /**
   * Another connection claims a client id that the receiver owns: is that client still connected?
   */
  | { readonly type: "probe"; readonly holder: ServerAddress; readonly client: number };

/** What a server tells another one about the awareness of a document. */
export interface AwarenessReport {
  /** The states of its clients that are new, or all of them. */
  readonly states: readonly PeerAwareness[];
  /**
   * It has shown no client with a newer clock; 0 if the server is of a version that does not tell.
   */
  readonly clock: number;
}

/** One client's awareness state, as reported by the server it is connected to. */
export interface PeerAwareness extends AwarenessState {
  /**
   * Whether the client certainly belongs to the connection that introduced it. A client that was
   * only relayed by another connection may still be claimed.
   */
  readonly isOwn: boolean;
  /** Whether the connection took the client over from one that had left or did not respond. */
  readonly isContestable?: boolean;
}

/** Encodes who owns a client. */
const Owned = { relayed: 0, own: 1, contestable: 3 } as const;

/** Messages of other versions are rejected rather than misread. */
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
      writePeerAwareness(encoder, body.awareness.states);
      writeVarUint(encoder, body.awareness.clock);
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
 * @returns byte arrays in it are views of `bytes`
 * @throws MalformedError if this is not a message, or its version differs
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
    return { sender, incarnation, epoch, sequence, body: readHolderBody(decoder) };
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

/** @returns states are views of the decoded bytes */
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

/** @returns updates are views of the decoded bytes */
export function readUpdates(decoder: Decoder): Uint8Array[] {
  return Array.from({ length: readCount(decoder) }, () => takeBytes(decoder));
}

/** Reads the clock of a report, with which a message ends. */
export function readClock(decoder: Decoder): number {
  return decoder.pos < decoder.arr.length ? readVarUint(decoder) : 0;
}

function readHolderBody(decoder: Decoder): HolderBody {
  const type = readByte(decoder);
  switch (type) {
    case Type.changes: {
      const whole = readByte(decoder) === 1;
      const updates = readUpdates(decoder);
      const awareness = { states: readPeerAwareness(decoder), clock: readClock(decoder) };
      return { type: "changes", whole, updates, awareness };
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

/** Every item takes at least one byte, so a count above the remaining bytes is invalid. */
function readCount(decoder: Decoder): number {
  const count = readVarUint(decoder);
  const left = decoder.arr.length - decoder.pos;
  if (count > left) throw new MalformedError(`a count of ${count} with only ${left} bytes left`);
  return count;
}

function readByte(decoder: Decoder): number {
  const byte = decoder.arr[decoder.pos++];
  if (byte === undefined) throw new MalformedError("it is truncated");
  return byte;
}
