/**
 * A service that connects the servers, such as a database. The suites test behaviour during
 * outages, so the service must be one that can be killed.
 */
export interface TestService {
  /**
   * Starts the service, keeping data stored earlier, and resolves when it responds. Does nothing if
   * it is running.
   */
  start(): Promise<void>;

  /** Ends the service immediately, like a crash, keeping its stored data. */
  kill(): Promise<void>;

  /** Freezes the service until `resume`: connections stay open, but nothing is answered. */
  pause(): void;
  resume(): void;

  /** Ends the service and deletes its data. May be called more than once, and after `kill`. */
  stop(): Promise<void>;
}
