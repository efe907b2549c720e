import type { AwarenessReader } from "../../protocol/awareness.ts";
import { Subscriber } from "../subscriber.ts";
import type { AwarenessOwner, Known } from "./awareness-table.ts";

/** How long the new owner of an id that had left gives way to another claimant. */
const CONTESTABLE_MS = 10_000;
/** How many contests one message may start. */
const MAX_CONTESTS = 16;

/** A connection other than its owner speaks for a client; the owner may be dead. */
export interface Contest {
  readonly client: number;
  readonly owner: AwarenessOwner;
  /** Whether the client may be the claimant's own, and passes to it if the owner does not answer. */
  readonly isClaim: boolean;
}

/** Adds a contest. A connection is probed only once, another server once for each of its clients. */
export function addContest(contests: Contest[], contest: Contest): void {
  if (contests.length >= MAX_CONTESTS) return;
  const { client, owner } = contest;
  const isNamed = contests.some(
    (one) => one.owner === owner && (owner instanceof Subscriber || one.client === client),
  );
  if (!isNamed) contests.push(contest);
}

/** Whether a state sent by a client is already known, as nearly all of them are. */
export function isOld(known: Known, sent: AwarenessReader, from: Subscriber): boolean {
  const { clock, isLeft } = sent;
  // The client's own clock may lag behind the one shown to others.
  if (known.owner === from && known.isOwn)
    return clock < known.sent || (clock === known.sent && !isLeft);
  if (from.ownClient === known.client && !isLeft) {
    // After a client has left, a late message from it may still arrive; a greeting is not one of those.
    if (known.owner !== null || from.awarenessVersion === null) return false;
  }
  if (clock > known.clock) return false;
  // As in y-protocols, a client may leave with an unchanged clock.
  return clock < known.clock || !isLeft || known.owner === null;
}

/** Whether an owner yields its client, without being probed, to a connection that has it as its own. */
export function givesWay(known: Known, now: number): boolean {
  if (!known.isOwn) return true;
  return (
    known.owner instanceof Subscriber && known.isContestable && now - known.ownedAt < CONTESTABLE_MS
  );
}
