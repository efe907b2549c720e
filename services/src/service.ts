/** A real service on this machine, on free loopback ports, with its own directory. */
export interface Service {
  /**
   * Starts it, or restarts it on the same ports and with its stored data, and resolves once it
   * responds.
   *
   * @throws Error with its last output if it does not respond
   */
  start(): Promise<void>;

  /** Kills it, as a crash would, and keeps its stored data. */
  kill(): Promise<void>;

  /** Freezes it until `resume`: connections stay open, but nothing is answered. */
  pause(): void;
  resume(): void;

  /** Stops it, and deletes its stored data. May be called more than once, and after `kill`. */
  stop(): Promise<void>;
}
