/**
 * The registry: which servers hold which document in memory. It is written when a server loads a
 * document and when it lets it go, never per update.
 *
 * Servers hold a lease, which they renew every few seconds. A server whose lease has lapsed is taken
 * for dead: it is ignored, and whoever meets it removes it from the holders of the room.
 */
export interface Registry {
  /**
   * Adds this server to the holders of a room, and returns the others. May be called again for a
   * room that is held, but not while another call for the same room is under way.
   *
   * @throws RegistryError when the registry could not be read and written within a few seconds; this
   *   server may be among the holders all the same
   */
  hold(room: string): Promise<OtherHolders>;

  /**
   * Removes this server from the holders of a room. Not while another call for the same room is
   * under way.
   *
   * @throws RegistryError when it could not be written; others then find out when they ask this
   *   server for the document
   */
  release(room: string): Promise<void>;

  /**
   * Which of these servers are dead: their lease has lapsed, or they have none. While this server
   * could not renew its own lease, and for the time of a lease afterwards, nobody is judged: the
   * others could not renew theirs either.
   *
   * @throws RegistryError
   */
  lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]>;

  /**
   * The incarnations of those of these servers that have a lease, as they took or renewed it last. A
   * registry may do without: others then find out more slowly that a server was started again.
   *
   * @throws RegistryError
   */
  incarnations?(
    servers: readonly ServerAddress[],
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>>;

  /**
   * All servers of the cluster, this one among them. A server belongs to it from its start until it
   * is closed; or, when it died, for about an hour.
   *
   * @throws RegistryError
   */
  servers(): Promise<AllServers>;

  /**
   * Calls back when this server's own lease had lapsed and is renewed again. Others may have taken
   * it for dead meanwhile: it must hold each of its rooms again.
   */
  onRejoined(listener: () => void): void;

  /** Whether others take this server for alive. `none`: there are no others, and no lease. */
  readonly lease: LeaseState;

  /** Why the lease cannot be renewed, or `undefined` when it can. */
  readonly problem: string | undefined;

  /** Gives the lease up and ends its renewal. Does not reject. */
  close(): Promise<void>;
}

/**
 * Tells the runs of a server at one address apart: a number that it draws when it starts. One that
 * crashes and is back within its lease is never seen to lapse, but whatever was known of it is over.
 */
export type Incarnation = number;

/** `host:port` at which other servers reach a server. */
export type ServerAddress = string;

export type LeaseState = "none" | "held" | "lapsed";

export interface AllServers {
  /** Servers with a lease, and those that cannot be judged now (see `Registry.lapsed`). */
  readonly alive: readonly ServerAddress[];
  /** Servers that were not closed, and whose lease has lapsed. */
  readonly lapsed: readonly ServerAddress[];
}

export interface OtherHolders {
  /**
   * Servers with a lease, and those that cannot be judged now (see `Registry.lapsed`), in no
   * particular order. Some may have let the document go since.
   */
  readonly alive: readonly ServerAddress[];
  /**
   * Servers that were among the holders and whose lease has lapsed. They have been removed; or, when
   * another server added itself at the same time, are left for that one to meet.
   */
  readonly lapsed: readonly ServerAddress[];
}

/** The registry could not do what it was asked; the cause says why. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
}
