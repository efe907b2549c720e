import { isLeft } from "../../protocol/awareness.ts";
import type { AwarenessReport, PeerAwareness } from "../../replication/message.ts";
import type { Peer } from "../../replication/peer.ts";
import { Subscriber } from "../subscriber.ts";
import type { AwarenessOwners } from "./awareness-owners.ts";
import { type Contest, givesWay } from "./awareness-rules.ts";
import type { AwarenessTable, Known } from "./awareness-table.ts";

/** An owner silent for this long gives way to a connection that another server vouches for. */
const SILENT_MS = 500;

/** The consequences of an awareness message from another server. */
export interface PeerAwarenessEffects {
  /** Connections of this server to ask whether they are alive. */
  readonly contests: readonly Contest[];
  /** The peer's own clients that were declared gone here, which it has to be told. */
  readonly stale: readonly PeerAwareness[];
}

/** Applies what other servers say and ask about the clients in a room's awareness. */
export class AwarenessFromPeers {
  readonly #table: AwarenessTable;
  readonly #owners: AwarenessOwners;

  constructor(table: AwarenessTable, owners: AwarenessOwners) {
    this.#table = table;
    this.#owners = owners;
  }

  /** Applies another server's report about its clients. That server has validated the states. */
  receive({ states, clock }: AwarenessReport, peer: Peer, now: number): PeerAwarenessEffects {
    const { claims } = this.#owners;
    this.#table.clock.saw(clock, now);
    const relayed = this.#table.clock.relayed(now);
    const freshOf = (told: PeerAwareness) => (told.isOwn ? relayed(told.clock) : told.clock);
    const stale: PeerAwareness[] = [];
    const contests: Contest[] = [];
    for (const told of states) {
      const known = this.#table.get(told.client);
      peer.denied.delete(told.client);
      if (isLeft(told.state)) {
        if (known !== undefined) this.#left(known, told.clock, peer, now);
      } else if (known === undefined) {
        // A subscriber here may have seen this client moments ago, on the other server.
        this.#take(told, freshOf(told), peer, now);
      } else if (known.owner === peer) {
        const isNews = told.clock > known.sent || (told.isOwn && !known.isOwn);
        if (!isNews) continue;
        this.#take(told, Math.max(known.clock + 1, told.clock), peer, now);
        claims.extend(told.client, now);
      } else if (known.owner === null) {
        if (told.clock > known.clock) this.#take(told, freshOf(told), peer, now);
        else {
          stale.push(known);
          peer.denied.add(told.client);
        }
      } else if (known.owner instanceof Subscriber) {
        this.#claim(known, known.owner, told, peer, { contests, now });
      } else if (told.clock > known.clock || (told.isOwn && !known.isOwn)) {
        this.#take(told, Math.max(known.clock + 1, told.clock), peer, now);
      } else {
        const { client, clock } = told;
        claims.add({ client, clock, state: told.state.slice(), claimant: peer }, now);
        claims.refuse(client);
      }
    }
    return { stale, contests };
  }

  /**
   * Another server asks whether a client of this server is alive, because a connection there claims its
   * id. A contestable owner gives way; a client that has left is reported as such again.
   *
   * @returns the connection to probe, or `null` if no answer from it is needed
   */
  probed(client: number, now: number): Subscriber | null {
    const known = this.#table.get(client);
    if (known === undefined) return null;
    if (known.owner === null && known.isLocal) this.#table.set(known);
    if (!(known.owner instanceof Subscriber)) return null;
    if (!givesWay(known, now)) return known.owner;
    this.#owners.leave(known, known.clock + 1, now);
    return null;
  }

  /** The client belongs to the peer from now on. */
  #take(told: PeerAwareness, clock: number, owner: Peer, now: number): void {
    const { client, clock: sent, isOwn } = told;
    const { claims } = this.#owners;
    // It has what it claimed, with a state that may be newer than the one claimed.
    if (claims.of(client)?.claimant === owner) claims.take(client);
    const isContestable = told.isContestable === true;
    this.#table.set({
      ...{ client, clock, state: told.state.slice(), owner, sent, ownClock: sent },
      ...{ isOwn, isContestable, isLocal: false, at: now, ownedAt: now },
    });
  }

  /** Another server reports that a client left. */
  #left(known: Known, clock: number, peer: Peer, now: number): void {
    if (known.owner === peer) {
      if (clock >= known.sent) this.#owners.leave(known, Math.max(known.clock + 1, clock), now);
    } else if (known.owner instanceof Subscriber) {
      if (clock >= known.clock) this.#owners.assert(known, clock);
    } else if (known.owner === null) {
      known.clock = Math.max(known.clock, clock);
    }
  }

  /** Another server reports a client id that a connection of this server owns. */
  #claim(
    known: Known,
    owner: Subscriber,
    told: PeerAwareness,
    peer: Peer,
    { contests, now }: { contests: Contest[]; now: number },
  ): void {
    const { client, clock } = told;
    if (known.isOwn && !told.isOwn) {
      if (clock >= known.clock) this.#owners.assert(known, clock);
      return;
    }
    const isDefended = known.isOwn && told.isContestable === true && !givesWay(known, now);
    if (isDefended && (owner.sink.silentFor ?? 0) < SILENT_MS) {
      const claim = { client, clock, state: told.state.slice(), claimant: peer };
      if (this.#owners.claims.add(claim, now)) contests.push({ client, owner, isClaim: true });
    } else if (isDefended || clock > known.clock || !known.isOwn) {
      this.#take(told, Math.max(known.clock + 1, clock), peer, now);
    }
  }
}
