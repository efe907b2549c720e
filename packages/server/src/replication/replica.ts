import type { PeerAwareness } from "./message.ts";
import type { Peer } from "./peer.ts";

/** Who is present in a document, as the part that keeps it in step with other servers sees it. */
export interface ReplicaAwareness {
  /** Grows with every change. */
  readonly version: number;

  /** Removes clients of another server. @returns whether there were any */
  removeFromPeer(clients: Iterable<number>, peer: Peer, now: number): boolean;

  /** What a peer is told when it asks: the clients of this server, and which of its own are gone here. */
  toldTo(peer: Peer | null): PeerAwareness[];

  /** What changed for clients of this server after a version. */
  localSince(version: number): PeerAwareness[];
}

/** A document, as the part that keeps it in step with other servers sees it. */
export interface Replica {
  readonly awareness: ReplicaAwareness;

  /** Takes an update that is durable and comes from another server. */
  receive(update: Uint8Array, now: number): void;

  /**
   * As `receive`, for updates that may all be there already, and then are not passed on.
   *
   * @returns whether they held something new
   * @throws WorkerError, MalformedError
   */
  receiveIfNew(updates: readonly Uint8Array[], now: number): Promise<boolean>;

  /** Its encoded state vector, of what is durable. */
  durableVector(): Uint8Array;

  /** Whether it has, durable or not, everything that this encoded state vector says. */
  covers(stateVector: Uint8Array): boolean;

  /**
   * What is durable and not covered by an encoded state vector, as encoded updates.
   *
   * @throws MalformedError when it is not a state vector, WorkerError
   */
  difference(stateVector: Uint8Array): Promise<readonly Uint8Array[]>;

  /** Sends to the clients, and to other servers, the presence that is new; soon. */
  scheduleAwareness(): void;

  /** Takes what another server says of its clients. @returns what that server does not know of them */
  receivePeerAwareness(states: readonly PeerAwareness[], peer: Peer): readonly PeerAwareness[];

  /** Somebody else claims this client: finds out whether its connection is alive. */
  probe(client: number): void;
}
