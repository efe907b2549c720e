/**
 * The registry: which servers hold which document in memory. It is written when a server loads a
 * document and when it lets it go, never per update.
 */
export interface Registry {
  /**
   * Adds this server to the holders of a room, and returns the others that hold it and are alive.
   *
   * @throws Error when the registry could not be written; the room must not be served then, because
   *   others could not find this server
   */
  hold(room: string): Promise<readonly ServerAddress[]>;

  /** Removes this server from the holders of a room. @throws Error when it could not be written */
  release(room: string): Promise<void>;

  close(): Promise<void>;
}

/** `host:port` at which other servers reach a server. */
export type ServerAddress = string;
