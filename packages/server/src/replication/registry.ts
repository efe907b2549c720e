/**
 * The registry records which servers hold which documents in memory. It is written when a server
 * loads or unloads a document, never per update.
 *
 * Each server holds a lease, which it renews every few seconds. A server whose lease has expired is
 * presumed dead: it is ignored, and any server that comes across it removes it from the holders of
 * the room.
 */
export interface Registry {
  /**
   * Adds this server to the holders of a room, and returns the others. May be called again for a
   * room that is already held, but not while another call for the same room is pending.
   *
   * @throws RegistryError if the registry could not be read and written within a few seconds; this
   *   server may have been added nevertheless
   */
  hold(room: string): Promise<OtherHolders>;

  /**
   * Removes this server from the holders of a room. Must not be called while another call for the
   * same room is pending.
   *
   * @throws RegistryError if the registry could not be written; others find out when they ask this
   *   server for the document
   */
  release(room: string): Promise<void>;

  /**
   * Returns which of these servers are dead: their lease has expired, or they have none. While this
   * server cannot renew its own lease, and for one lease duration afterwards, no server is reported
   * dead: the others may have been unable to renew theirs for the same reason.
   *
   * @throws RegistryError
   */
  lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]>;

  /**
   * Returns the incarnations of those of these servers that have a lease, as of its last renewal.
   * Optional: without it, servers take longer to notice that another one has restarted.
   *
   * @throws RegistryError
   */
  incarnations?(
    servers: readonly ServerAddress[],
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>>;

  /**
   * Returns all servers of the cluster, including this one. A server belongs to the cluster from
   * its start until it is closed, or for about an hour after it has died.
   *
   * @throws RegistryError
   */
  servers(): Promise<AllServers>;

  /**
   * Calls back when this server's own lease had expired and has been renewed. Others may have
   * presumed it dead in the meantime, so it must call `hold` again for each of its rooms.
   */
  onRejoined(listener: () => void): void;

  /** Whether others consider this server alive. `none`: there are no others, and no lease. */
  readonly lease: LeaseState;

  /** Why the lease cannot be renewed, or `undefined` if it can. */
  readonly problem: string | undefined;

  /** Releases the lease and stops renewing it. Does not reject. */
  close(): Promise<void>;
}

/**
 * A number that a server chooses when it starts; it tells apart the runs of a server at one
 * address. A server that crashes and restarts within its lease is never seen to expire, but
 * whatever was known about its previous run is void.
 */
export type Incarnation = number;

/** `host:port` at which other servers reach a server. */
export type ServerAddress = string;

export type LeaseState = "none" | "held" | "lapsed";

export interface AllServers {
  /**
   * Servers with a lease, and those that cannot be judged at the moment (see `Registry.lapsed`).
   */
  readonly alive: readonly ServerAddress[];
  /** Servers that were not closed, and whose lease has expired. */
  readonly lapsed: readonly ServerAddress[];
}

export interface OtherHolders {
  /**
   * Servers with a lease, and those that cannot be judged at the moment (see `Registry.lapsed`), in
   * no particular order. Some may have unloaded the document since.
   */
  readonly alive: readonly ServerAddress[];
  /**
   * Holders whose lease has expired. They have been removed, unless another server added itself at
   * the same time: then their removal is left to that server.
   */
  readonly lapsed: readonly ServerAddress[];
}

/** A call of the registry failed; see `cause`. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
}
