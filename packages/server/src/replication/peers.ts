import { createDecoder, type Decoder, readVarString, readVarUint } from "lib0/decoding";
import {
  createEncoder,
  type Encoder,
  toUint8Array,
  writeUint8Array,
  writeVarString,
  writeVarUint,
} from "lib0/encoding";
import { decoding } from "../protocol/malformed-error.ts";
import {
  type PeerAwareness,
  readClock,
  readPeerAwareness,
  readUpdates,
  writePeerAwareness,
} from "./message.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";

/** Asks other servers directly for the documents that they hold. */
export interface Peers {
  /**
   * Asks another server for its state of a document.
   *
   * @throws PeerError if the request fails or the server does not respond in time
   */
  ask(server: ServerAddress, room: string, request: PeerRequest): Promise<PeerAnswer>;

  /** Closes connections; pending requests fail. */
  close(): void;
}

/** Another server did not respond, or its response was not usable. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

export interface PeerRequest {
  /** The requesting server. The request also announces it as a holder of the document. */
  readonly from: ServerAddress;
  readonly incarnation: Incarnation;
  readonly epoch: number;
  /** The number of the last message it published, or tried to; see `HolderMessage`. */
  readonly sequence: number;
  /**
   * True if the requester is opening the document: anything it has beyond the answer is in the
   * stores or will be published.
   */
  readonly isOpening: boolean;
  /** Updates covered by this state vector are left out of the answer. */
  readonly stateVector: Uint8Array;
}

export type PeerAnswer =
  | { readonly type: "state"; readonly state: PeerState }
  /** The server is itself still opening the document, and has no state yet. */
  | { readonly type: "opening" }
  /** The server does not hold the document. */
  | { readonly type: "absent" };

/** Another server's state of a document. */
export interface PeerState {
  readonly incarnation: Incarnation;
  readonly epoch: number;
  /** Everything it published up to this number is in `updates` and `awareness`. */
  readonly sequence: number;
  /** The awareness states of all clients of that server. */
  readonly awareness: readonly PeerAwareness[];
  /** See `AwarenessReport`. */
  readonly awarenessClock: number;
  /** Encoded updates, all of them durable; together they contain what was requested. */
  readonly updates: readonly Uint8Array[];
}

/**
 * The path carries the protocol version, so that servers of other versions cannot misread a
 * request.
 */
export const PEER_PATH = "/cluster/v2/state";

/** The room is in the body because a URL path cannot carry every name. */
export function encodePeerRequest(room: string, request: PeerRequest): Uint8Array {
  const encoder = createEncoder();
  writeVarString(encoder, room);
  writeVarString(encoder, request.from);
  writeVarUint(encoder, request.incarnation);
  writeVarUint(encoder, request.epoch);
  writeVarUint(encoder, request.sequence);
  writeVarUint(encoder, request.isOpening ? 1 : 0);
  writeUint8Array(encoder, request.stateVector);
  return toUint8Array(encoder);
}

/** @returns the state vector is a view of `bytes` @throws MalformedError */
export function decodePeerRequest(bytes: Uint8Array): { room: string; request: PeerRequest } {
  return decoding("request of another server", () => {
    const decoder = createDecoder(bytes);
    const room = readVarString(decoder);
    const from = readVarString(decoder);
    const incarnation = readVarUint(decoder);
    const epoch = readVarUint(decoder);
    const sequence = readVarUint(decoder);
    const isOpening = readVarUint(decoder) === 1;
    const stateVector = bytes.subarray(decoder.pos);
    return { room, request: { from, incarnation, epoch, sequence, isOpening, stateVector } };
  });
}

/**
 * Encodes a state as the parts of a body, so that large updates need not be copied into one buffer.
 * `decodePeerState` reads it.
 */
export function encodePeerState(state: PeerState): Uint8Array[] {
  const head = createEncoder();
  writeVarUint(head, state.incarnation);
  writeVarUint(head, state.epoch);
  writeVarUint(head, state.sequence);
  const tail = createEncoder();
  writeVarUint(tail, state.awarenessClock);
  return [...encodeContent(head, state), toUint8Array(tail)];
}

/** @returns byte arrays are views of `bytes` @throws MalformedError */
export function decodePeerState(bytes: Uint8Array): PeerState {
  return decoding("state of another server", () => {
    const decoder = createDecoder(bytes);
    const incarnation = readVarUint(decoder);
    const epoch = readVarUint(decoder);
    const sequence = readVarUint(decoder);
    const content = readContent(decoder);
    return { incarnation, epoch, sequence, ...content, awarenessClock: readClock(decoder) };
  });
}

/** The content of a document, without the fields about the server. */
export type DocumentContent = Pick<PeerState, "awareness" | "updates">;

/** @param head holds what precedes the content @returns the parts of a body */
export function encodeContent(
  head: Encoder,
  { awareness, updates }: DocumentContent,
): Uint8Array[] {
  writePeerAwareness(head, awareness);
  writeVarUint(head, updates.length);
  const parts: Uint8Array[] = [toUint8Array(head)];
  for (const update of updates) {
    const length = createEncoder();
    writeVarUint(length, update.length);
    parts.push(toUint8Array(length), update);
  }
  return parts;
}

/** Reads the content that `encodeContent` wrote after the head. */
export function readContent(decoder: Decoder): DocumentContent {
  const awareness = readPeerAwareness(decoder);
  return { awareness, updates: readUpdates(decoder) };
}
