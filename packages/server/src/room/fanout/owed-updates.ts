import type { Frame } from "../../protocol/frame.ts";
import type { Log } from "../log/log.ts";
import type { Entry } from "../log/log-tail.ts";
import type { WritingSubscriber } from "../origin.ts";
import type { Subscriber } from "../subscriber.ts";
import type { Identities } from "./identities.ts";

// In a small room, or while the journal is slow, a subscriber's cursor moves past updates that its client
// may have written. Such updates are left out, and owed: they are sent once they are durable, or once their author proves
// to be a different client. Invariant: everything that a suspect wrote between `durable` and the cursor
// was left out.

/**
 * Starts leaving out, from an offset on, what the subscriber's client may have written.
 *
 * @returns decides whether an entry is sent; call it for every entry that the cursor is about to pass
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
 * Frames with the updates that were left out below the cursor and can be sent now.
 *
 * @param pendingFrom offset of the first update that is the subscriber's own, or of unknown origin, and
 *   is not durable
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
      // The suspect has gone, or all of its updates that were left out have just been sent.
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

/** Removes from the suspects, and returns, those known to be a different client. */
function takeCleared(
  subscriber: Subscriber,
  suspects: Set<WritingSubscriber>,
  identities: Identities,
): Set<WritingSubscriber> {
  const cleared = new Set<WritingSubscriber>();
  for (const suspect of suspects) {
    if (identities.mayHaveWritten(suspect.origin, subscriber)) continue;
    suspects.delete(suspect);
    cleared.add(suspect);
  }
  if (suspects.size === 0) subscriber.suspects = null;
  return cleared;
}
