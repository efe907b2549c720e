import type { Subscriber } from "../subscriber.ts";
import type { AwarenessTable, Known } from "./awareness-table.ts";

/** How many client ids one connection may introduce: tabs of one browser relay each other. */
const MAX_CLIENTS_PER_SUBSCRIBER = 64;
/** How many unknown ids one connection may introduce per `REMEMBER_MS`. */
const MAX_NEW_PER_SUBSCRIBER = 2 * MAX_CLIENTS_PER_SUBSCRIBER;
/** How many changes one message may contain. Providers send each client once. */
export const MAX_CHANGES_PER_MESSAGE: number = 2 * MAX_CLIENTS_PER_SUBSCRIBER;
/** How many entries of a message are read; more than a room remembers. */
export const MAX_ENTRIES_PER_MESSAGE = 20_000;
/** States larger than this are subject to the next two limits. */
const SMALL_STATE_BYTES = 4 * 1024;
/** How much the states from one connection may take, in bytes; its own client's is always accepted. */
const MAX_BYTES_PER_SUBSCRIBER = 256 * 1024;
/** Once a room's awareness reaches this size, in bytes, only small states are accepted. */
const MAX_BYTES_OF_LARGE = 4 * 1024 * 1024;
/**
 * How long a client that left is remembered. Other clients keep sending its last state back for a while,
 * which must not revive it.
 */
export const REMEMBER_MS = 60_000;

/**
 * Whether a state from a connection is within the limits of the connection and the room.
 *
 * @param known what is known about the client so far
 * @param length of the state, in bytes
 */
export function isWithinLimits(
  table: AwarenessTable,
  from: Subscriber,
  client: number,
  known: Known | undefined,
  length: number,
  now: number,
): boolean {
  if (!from.clients.has(client) && from.clients.size >= MAX_CLIENTS_PER_SUBSCRIBER) return false;
  const { introduced } = from;
  if (known === undefined && introduced.count >= MAX_NEW_PER_SUBSCRIBER) {
    if (now - introduced.since <= REMEMBER_MS) return false;
    introduced.count = 0;
    introduced.since = now;
  }
  if (length <= SMALL_STATE_BYTES) return true;
  // A state that is too large by itself is an error, which is raised when it is decoded.
  if (table.bytes - (known?.state.length ?? 0) + length > MAX_BYTES_OF_LARGE) return false;
  return (
    client === (from.ownClient ?? client) ||
    stateBytesOf(table, from, client) + length <= MAX_BYTES_PER_SUBSCRIBER
  );
}

/** Total size of the states that a connection introduced, except that of one client. */
function stateBytesOf(table: AwarenessTable, subscriber: Subscriber, except: number): number {
  let bytes = 0;
  for (const client of subscriber.clients) {
    if (client !== except) bytes += table.get(client)?.state.length ?? 0;
  }
  return bytes;
}
