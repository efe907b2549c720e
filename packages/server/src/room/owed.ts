import type { Frame } from "../protocol/frame.ts";
import type { Identities } from "./identities.ts";
import type { Entry, Log } from "./log.ts";
import type { Subscriber } from "./subscriber.ts";

// While the journal is slow a reader's cursor passes updates that its client may have written: these
// are left out, and owed. They are sent when they are durable, or when their author turns out to be
// somebody else. The invariant: what a suspect wrote between `durable` and the cursor was left out,
// all of it.

/**
 * Begins to leave out, from an offset on, what the reader's client may have written.
 *
 * @returns whether an entry is sent; it is asked for every entry that the cursor is about to pass
 */
export function withhold(
  subscriber: Subscriber,
  from: number,
  log: Log,
  identities: Identities,
): (entry: Entry) => boolean {
  subscriber.owedFrom = Math.min(subscriber.owedFrom, from);
  return ({ origin, end }) => {
    if (end <= log.durable || !identities.mayHaveWritten(origin, subscriber)) return true;
    if (origin.kind === "session" && origin.subscriber !== subscriber) {
      subscriber.suspects ??= new Set();
      subscriber.suspects.add(origin.subscriber);
    }
    return false;
  };
}

/**
 * What was left out below the cursor and need not be any more.
 *
 * @param pendingFrom the first update that is the reader's own, or anybody's, and is not durable
 */
export function sentLater(
  subscriber: Subscriber,
  cursor: number,
  log: Log,
  identities: Identities,
  pendingFrom: number,
): Frame[] {
  if (subscriber.owedFrom === Number.POSITIVE_INFINITY) return [];
  const { durable } = log;
  const { suspects } = subscriber;
  const frames: Frame[] = [];
  if (subscriber.owedFrom < durable) {
    const owed = ({ origin }: Entry) =>
      origin.kind === "unknown" ||
      (origin.kind === "session" &&
        (origin.subscriber === subscriber || suspects?.has(origin.subscriber) === true));
    frames.push(...log.frames(subscriber.owedFrom, Math.min(durable, cursor), owed));
    for (const suspect of suspects ?? []) {
      // It is gone, or all that was left out was sent just now.
      if (log.firstOf(suspect.origin, durable) >= cursor) suspects?.delete(suspect);
    }
  }
  if (suspects !== null) {
    const cleared = takeCleared(subscriber, suspects, identities);
    if (cleared.size > 0) {
      const shown = ({ origin }: Entry) =>
        origin.kind === "session" && cleared.has(origin.subscriber);
      frames.push(...log.frames(durable, cursor, shown));
    }
  }
  if (subscriber.suspects !== null) subscriber.owedFrom = Math.max(subscriber.owedFrom, durable);
  else subscriber.owedFrom = pendingFrom < cursor ? pendingFrom : Number.POSITIVE_INFINITY;
  return frames;
}

/** Takes out of the suspects who is known to be somebody else. */
function takeCleared(
  subscriber: Subscriber,
  suspects: Set<Subscriber>,
  identities: Identities,
): Set<Subscriber> {
  const cleared = new Set<Subscriber>();
  for (const suspect of suspects) {
    if (identities.mayHaveWritten(suspect.origin, subscriber)) continue;
    suspects.delete(suspect);
    cleared.add(suspect);
  }
  if (suspects.size === 0) subscriber.suspects = null;
  return cleared;
}
