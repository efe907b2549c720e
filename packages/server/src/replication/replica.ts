import type { AwarenessReport, PeerAwareness } from "./message.ts";
import type { Peer } from "./peer.ts";

/** The awareness of a document, as replication sees it. */
export interface ReplicaAwareness {
  /** Grows with every change. */
  readonly version: number;

  /** No client of the document has been shown with a newer clock, as far as this server has heard. */
  readonly clock: number;

  /** Removes clients of another server. @returns whether any were removed */
  removeFromPeer(clients: Iterable<number>, peer: Peer, now: number): boolean;

  /**
   * Returns what to send a peer that asks: this server's clients, and which of the peer's clients
   * this server has declared gone.
   */
  toldTo(peer: Peer | null): PeerAwareness[];

  /** Returns the states of this server's clients that changed after a version. */
  localSince(version: number): PeerAwareness[];
}

/** A document, as replication sees it. */
export interface Replica {
  readonly awareness: ReplicaAwareness;

  /** Applies a durable update from another server. */
  receive(update: Uint8Array, now: number): void;

  /**
   * Like `receive`, for updates that may all be known already; those are not passed on.
   *
   * @returns whether they contained anything new
   * @throws WorkerError, MalformedError
   */
  receiveIfNew(updates: readonly Uint8Array[], now: number): Promise<boolean>;

  /** Returns the encoded state vector of its durable content. */
  durableVector(): Uint8Array;

  /** Whether its content, durable or not, covers this encoded state vector. */
  covers(stateVector: Uint8Array): boolean;

  /**
   * Returns the durable content not covered by an encoded state vector, as encoded updates.
   *
   * @throws MalformedError if it is not a state vector, WorkerError
   */
  difference(stateVector: Uint8Array): Promise<readonly Uint8Array[]>;

  /** Schedules sending the changed awareness states to clients and other servers. */
  scheduleAwareness(): void;

  /**
   * Applies what another server reports about its clients.
   *
   * @returns the states of those clients that that server does not know yet
   */
  receivePeerAwareness(report: AwarenessReport, peer: Peer): readonly PeerAwareness[];

  /** Another connection claims this client id: checks whether its current connection is alive. */
  probe(client: number): void;
}
