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
  readPeerAwareness,
  readUpdates,
  writePeerAwareness,
} from "./message.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";

/** Asks other servers directly for what they hold. */
export interface Peers {
  /**
   * Asks another server for its state of a document.
   *
   * @throws PeerError when it could not be asked, or did not answer in time
   */
  ask(server: ServerAddress, room: string, request: PeerRequest): Promise<PeerAnswer>;

  /** Ends connections; requests under way fail. */
  close(): void;
}

/** Another server did not answer, or not with what was asked for. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

export interface PeerRequest {
  /** Who asks. By asking it makes itself known as a holder of the document. */
  readonly from: ServerAddress;
  readonly incarnation: Incarnation;
  readonly epoch: number;
  /** The number of the last message that it published, or tried to; see `HolderMessage`. */
  readonly sequence: number;
  /**
   * True when the asker is opening the document: what it has beyond the answer is in the stores, or
   * will be published.
   */
  readonly isOpening: boolean;
  /** The updates that this state vector covers are left out. */
  readonly stateVector: Uint8Array;
}

export type PeerAnswer =
  | { readonly type: "state"; readonly state: PeerState }
  /** It is opening the document itself, and has no state yet. */
  | { readonly type: "opening" }
  /** It does not hold the document. */
  | { readonly type: "absent" };

/** What another server has of a document. */
export interface PeerState {
  readonly incarnation: Incarnation;
  readonly epoch: number;
  /** Everything that it published up to this number is in `updates` and `presence`. */
  readonly sequence: number;
  /** All who are present there. */
  readonly awareness: readonly PeerAwareness[];
  /** Encoded updates; together they hold what was asked for, and all of it is durable. */
  readonly updates: readonly Uint8Array[];
}

/** Where a server is asked; in the path, because servers of other versions must not misunderstand. */
export const PEER_PATH = "/cluster/v2/state";

/** The room is in the body: paths of URLs cannot hold every name. */
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
 * Encodes a state as the parts of a body, so that large updates need not be copied into one.
 * `decodePeerState` reads it.
 */
export function encodePeerState(state: PeerState): Uint8Array[] {
  const head = createEncoder();
  writeVarUint(head, state.incarnation);
  writeVarUint(head, state.epoch);
  writeVarUint(head, state.sequence);
  return encodeContent(head, state);
}

/** @returns byte arrays are views of `bytes` @throws MalformedError */
export function decodePeerState(bytes: Uint8Array): PeerState {
  return decoding("state of another server", () => {
    const decoder = createDecoder(bytes);
    const incarnation = readVarUint(decoder);
    const epoch = readVarUint(decoder);
    const sequence = readVarUint(decoder);
    return { incarnation, epoch, sequence, ...readContent(decoder) };
  });
}

/** What a document holds, without what a server says of itself. */
export type DocumentContent = Pick<PeerState, "awareness" | "updates">;

/** @param head what comes before @returns the parts of a body */
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

/** Reads what `encodeContent` wrote after the head. */
export function readContent(decoder: Decoder): DocumentContent {
  const awareness = readPeerAwareness(decoder);
  return { awareness, updates: readUpdates(decoder) };
}
