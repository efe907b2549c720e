import { type AwarenessState, isLeft, LEFT } from "../../protocol/awareness.ts";
import { type Frame, frameAwareness } from "../../protocol/frame.ts";
import { Subscriber } from "../subscriber.ts";
import { type Claim, Claims } from "./awareness-claims.ts";
import { givesWay } from "./awareness-rules.ts";
import type { AwarenessOwner, AwarenessTable, Known } from "./awareness-table.ts";

/**
 * The owners of the client ids in a room's awareness, and how an id passes from one to another.
 *
 * A client id belongs to the connection that introduced it, until that connection ends or reports that
 * the client left. The first id that a connection names is its own; it merely relays the others for other
 * tabs of its browser:
 *
 * ```
 *               introduced                  another connection's first id
 *   unknown ───────────────────► owned ◄──────────────────────────────┐
 *      ▲                         │   │                                │ at once: relayed, or contestable
 *      │ a minute   ends, leaves │   └──────────► owned and claimed ──┤ the owner does not answer,
 *      └─────────── left ◄───────┘                                    │ ends, or leaves
 *                    └────────────► owned, contestable ───────────────┘
 *                      its own first id
 * ```
 *
 * Claims are remembered. A client that reconnects while its old connection is half dead, or before its
 * old server has reported that it left, becomes the owner as soon as the old connection is known to be
 * gone. The new owner of an id that had left is contestable for some seconds: if it is an impostor, the
 * returning owner takes the id back, once. An id that left is only given to a connection that has it as
 * its own.
 */
export class AwarenessOwners {
  /** The claims to ids that belong to another owner. */
  readonly claims: Claims = new Claims();
  readonly #table: AwarenessTable;

  constructor(table: AwarenessTable) {
    this.#table = table;
  }

  /** A connection introduces a client that nobody owns, or whose owner gives way. */
  introduce(known: Known | undefined, sent: AwarenessState, owner: Subscriber, now: number): void {
    const { client } = sent;
    if (known === undefined) owner.introduced.count++;
    const isGreeting = owner.awarenessVersion === null;
    owner.ownClient ??= client;
    const isOwn = owner.ownClient === client;
    // An id taken from a connection that relayed it, or was contestable, is not contestable again.
    const isContestable = known === undefined ? !isGreeting : known.owner === null;
    const clock = isOwn ? this.#fresh(known, now) : (known?.clock ?? -1) + 1;
    this.#table.set({
      ...sent,
      ...{ owner, isOwn, isContestable, isLocal: true, at: now, ownedAt: now },
      ...{ sent: sent.clock, ownClock: sent.clock, clock: Math.max(sent.clock, clock) },
    });
    this.claims.take(client);
  }

  /** The owner, a connection, sends a new state of its client. */
  change(known: Known, sent: number, state: Uint8Array, now: number): void {
    const clock = Math.max(known.clock + 1, sent);
    if (isLeft(state)) this.leave({ ...known, sent }, clock, now);
    else this.#table.set({ ...known, state, sent, ownClock: sent, clock, at: now });
  }

  /** A client left, or its owner is gone. A claim to it is granted. */
  leave(known: Known, clock: number, now: number): void {
    this.#table.set({ ...known, clock, state: LEFT, at: now });
    const claim = this.claims.take(known.client);
    if (claim !== undefined) this.#grant(this.#table.get(known.client), claim, now);
  }

  /** Removes those of the clients that belong to this owner. @returns whether there were any */
  remove(clients: Iterable<number>, owner: AwarenessOwner, now: number): boolean {
    let changed = false;
    for (const client of [...clients]) {
      const known = this.#table.get(client);
      if (known === undefined || known.owner !== owner) continue;
      this.leave(known, known.clock + 1, now);
      changed = true;
    }
    return changed;
  }

  /** Announces again that a client is here, with a clock above the one another server believes. */
  assert(known: Known, clock: number): void {
    this.#table.set({ ...known, clock: Math.max(known.clock, clock) + 1 });
  }

  /**
   * A connection answered a probe made on behalf of a client id.
   *
   * @param forPeer whether another server waits to hear that the client is here
   * @returns what to send the connection if its id has been given away in the meantime
   */
  answered(client: number, subscriber: Subscriber, forPeer: boolean, now: number): Frame | null {
    const known = this.#table.get(client);
    if (known?.owner === subscriber) {
      const claim = this.claims.of(client);
      this.claims.refuse(client);
      if (forPeer || (claim !== undefined && !(claim.claimant instanceof Subscriber))) {
        this.assert(known, claim?.clock ?? 0);
      }
      return null;
    }
    if (known === undefined || known.owner === null || subscriber.ownClient !== client) return null;
    if (!givesWay(known, now)) return null;
    return frameAwareness([{ client, clock: known.clock, state: LEFT }]);
  }

  /** Grants the claims whose owners did not answer in time. */
  settle(now: number): void {
    for (const claim of this.claims.due(now)) {
      const known = this.#table.get(claim.client);
      this.claims.take(claim.client);
      this.#grant(known, claim, now);
    }
  }

  #grant(known: Known | undefined, claim: Claim, now: number): void {
    const { client, state, claimant: owner } = claim;
    const clock = Math.max(claim.clock, this.#fresh(known, now));
    this.#table.set({
      ...{ client, clock, state, owner, sent: claim.clock, ownClock: claim.clock, at: now },
      ...{ isOwn: true, isContestable: true, isLocal: owner instanceof Subscriber, ownedAt: now },
    });
  }

  #fresh(known: Known | undefined, now: number): number {
    return this.#table.clock.fresh(now)(known?.clock);
  }
}
