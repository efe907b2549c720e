import type { AwarenessTable, Known } from "./awareness-table.ts";
import type { Subscriber } from "./subscriber.ts";

/** How many client ids one connection may introduce: tabs of one browser speak for each other. */
const MAX_CLIENTS_PER_SUBSCRIBER = 64;
/** How many unknown ids one connection may introduce while clients that left are remembered. */
const MAX_NEW_PER_SUBSCRIBER = 2 * MAX_CLIENTS_PER_SUBSCRIBER;
/** How many changes one message may bring. Providers send each client once. */
export const MAX_CHANGES_PER_MESSAGE: number = 2 * MAX_CLIENTS_PER_SUBSCRIBER;
/** How many entries of a message are read: more than a room remembers. */
export const MAX_ENTRIES_PER_MESSAGE = 20_000;
/** Larger states than this share the next two limits. */
const SMALL_STATE_BYTES = 4 * 1024;
/** How much the states from one connection may take, in bytes; its own client's is taken in any case. */
const MAX_BYTES_PER_SUBSCRIBER = 256 * 1024;
/** From this size of a room's awareness on, in bytes, only small states are taken. */
const MAX_BYTES_OF_LARGE = 4 * 1024 * 1024;
/**
 * How long it is remembered that a client left. Others still send its last state back for a while,
 * and must not bring it to life again.
 */
export const REMEMBER_MS = 60_000;

/**
 * Whether a state that a connection sent is within what the connection, and the room, may have.
 *
 * @param known what is known of the client so far
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
  // A state that is too large by itself is an error; it is found where it is taken.
  if (table.bytes - (known?.state.length ?? 0) + length > MAX_BYTES_OF_LARGE) return false;
  return (
    client === (from.ownClient ?? client) ||
    bytesOf(table, from, client) + length <= MAX_BYTES_PER_SUBSCRIBER
  );
}

/** What the states that a connection introduced take, without that of one client. */
function bytesOf(table: AwarenessTable, subscriber: Subscriber, except: number): number {
  let bytes = 0;
  for (const client of subscriber.clients) {
    if (client !== except) bytes += table.get(client)?.state.length ?? 0;
  }
  return bytes;
}
