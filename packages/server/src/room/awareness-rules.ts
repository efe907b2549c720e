import type { AwarenessReader } from "../protocol/awareness.ts";
import type { AwarenessOwner, Known } from "./awareness-table.ts";
import { Subscriber } from "./subscriber.ts";

/** How long a client that took up an id that had left gives way to another that claims it. */
const CONTESTABLE_MS = 10_000;
/** How many contests one message may begin. */
const MAX_CONTESTS = 16;

/** Somebody else speaks for a client; its owner may be dead. */
export interface Contest {
  readonly client: number;
  readonly owner: AwarenessOwner;
  /** Whether it may be the claimant's own client, which is given to it if the owner does not answer. */
  readonly isClaim: boolean;
}

/** A connection is asked once whether it is alive, another server once for each of its clients. */
export function addContest(contests: Contest[], contest: Contest): void {
  if (contests.length >= MAX_CONTESTS) return;
  const { client, owner } = contest;
  const isNamed = contests.some(
    (one) => one.owner === owner && (owner instanceof Subscriber || one.client === client),
  );
  if (!isNamed) contests.push(contest);
}

/** Whether what a client says of itself or of others is known, as nearly all that clients send is. */
export function isOld(known: Known, sent: AwarenessReader, from: Subscriber): boolean {
  const { clock, isLeft } = sent;
  // Its own clock may be behind the one that others are shown.
  if (known.owner === from && known.isOwn)
    return clock < known.sent || (clock === known.sent && !isLeft);
  if (from.ownClient === known.client && !isLeft) {
    // Of a client that left a late message may be on its way; a greeting is none.
    if (known.owner !== null || from.awarenessVersion === null) return false;
  }
  if (clock > known.clock) return false;
  // The rule of y-protocols: with the same clock a client can leave.
  return clock < known.clock || !isLeft || known.owner === null;
}

/** Whether an owner gives its client to a connection whose own it is, without being asked. */
export function givesWay(known: Known, now: number): boolean {
  if (!known.isOwn) return true;
  return (
    known.owner instanceof Subscriber && known.isContestable && now - known.ownedAt < CONTESTABLE_MS
  );
}
