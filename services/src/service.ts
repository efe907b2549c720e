/** A real service on this machine, on free ports of the loopback address, with a directory of its own. */
export interface Service {
  /**
   * Starts it, or starts it again on the same ports and with what it had stored, and resolves when
   * it answers.
   *
   * @throws Error with its last output when it does not
   */
  start(): Promise<void>;

  /** Ends it at once, as a crash does, and keeps what it has stored. */
  kill(): Promise<void>;

  /** Lets it do nothing until `resume`: connections stay open, and nothing is answered. */
  pause(): void;
  resume(): void;

  /** Ends it, and removes what it has stored. May be called more than once, and after `kill`. */
  stop(): Promise<void>;
}
