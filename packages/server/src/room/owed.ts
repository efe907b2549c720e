import type { Frame } from "../protocol/frame.ts";
import type { Identities } from "./identities.ts";
import type { Entry, Log } from "./log.ts";
import { Subscriber } from "./subscriber.ts";

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
  return ({ author, end }) => {
    if (end <= log.durable || !identities.mayHaveWritten(author, subscriber)) return true;
    if (author instanceof Subscriber && author !== subscriber) {
      subscriber.suspects ??= new Set();
      subscriber.suspects.add(author);
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
    const owed = ({ author }: Entry) =>
      author === subscriber ||
      author === null ||
      (author !== "elsewhere" && suspects !== null && suspects.has(author));
    frames.push(...log.frames(subscriber.owedFrom, Math.min(durable, cursor), owed));
    for (const suspect of suspects ?? []) {
      // It is gone, or all that was left out was sent just now.
      if (log.firstBy(suspect, durable) >= cursor) suspects?.delete(suspect);
    }
  }
  if (suspects !== null) {
    const cleared = takeCleared(subscriber, suspects, identities);
    if (cleared.size > 0) {
      const shown = ({ author }: Entry) => author instanceof Subscriber && cleared.has(author);
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
    if (identities.mayHaveWritten(suspect, subscriber)) continue;
    suspects.delete(suspect);
    cleared.add(suspect);
  }
  if (suspects.size === 0) subscriber.suspects = null;
  return cleared;
}
