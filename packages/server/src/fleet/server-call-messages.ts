import { createDecoder } from "lib0/decoding";
import { createEncoder } from "lib0/encoding";
import { z } from "zod";
import { decoding } from "../protocol/malformed-error.ts";
import { type DocumentContent, encodeContent, readContent } from "../replication/peers.ts";

/**
 * The path carries the protocol version, so that servers of other versions cannot misread a call.
 */
export const CALLS_PATH = "/cluster/v1/calls";
/** The most rooms that one call may name. */
export const MAX_ROOMS = 1_000;

const count = z.number().int().nonnegative();
const room = z.object({ room: z.string() });
const nothing = z.object({});
const quarantine = z.object({ reason: z.string(), since: z.number(), retryAt: z.number() });
const roomConnections = z.array(
  z.object({ room: z.string(), connections: count, quarantine: quarantine.optional() }),
);
const liveMark = z.object({ epoch: z.string(), version: count });

/** The JSON bodies of the calls; the answer to `inspect` is binary. */
export const callMessages = {
  status: {
    request: nothing,
    answer: z.object({
      version: z.string(),
      startedAt: z.number(),
      documents: count,
      documentBytes: count,
      connections: count,
      memory: z.object({ resident: count, heapUsed: count }),
      loopDelay: z.object({ p50: z.number(), p99: z.number(), max: z.number() }),
      lease: z.enum(["none", "held", "lapsed"]),
      draining: z.boolean(),
      failing: z.record(z.string(), z.string()),
    }),
  },
  liveRooms: {
    request: z.object({ since: liveMark.nullable() }),
    answer: z.object({ mark: liveMark, complete: z.boolean(), rooms: roomConnections }),
  },
  held: {
    request: z.object({ rooms: z.array(z.string()).max(MAX_ROOMS) }),
    answer: roomConnections,
  },
  inspect: { request: room },
  dropRoom: { request: room, answer: nothing },
  reopenRoom: { request: room.extend({ closedUntil: count.optional() }), answer: nothing },
  recheck: { request: room, answer: nothing },
} as const;

export type CallName = keyof typeof callMessages;

/**
 * Encodes a document as the parts of a body, so that large updates need not be copied into one
 * buffer.
 */
export function encodeInspected(document: DocumentContent): Uint8Array[] {
  return encodeContent(createEncoder(), document);
}

/** @returns byte arrays in it are views of `bytes` @throws MalformedError */
export function decodeInspected(bytes: Uint8Array): DocumentContent {
  return decoding("document of another server", () => readContent(createDecoder(bytes)));
}
