/**
 * What servers are connected by, such as a database. The suites find out what a part does while it is
 * down, so it must be one that may be ended.
 */
export interface TestService {
  /**
   * Starts it, or starts it again with what it had stored, and resolves when it answers. Does nothing
   * when it runs.
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
