// Counters that the parts of this folder keep while they work. Changing a field costs next to nothing;
// the metrics read them when somebody asks.

/** What connections were charged for the event loop. */
export class LoopStats {
  milliseconds = 0;
  /** How often a connection was not read until it had paid. */
  pauses = 0;
}

/** The WebSockets of this server's clients. */
export class ConnectionStats {
  opened = 0;
  messagesIn = 0;
  bytesIn = 0;
  messagesOut = 0;
  bytesOut = 0;
  readonly loop: LoopStats = new LoopStats();
  /** How many connections this server has closed or refused, by close code. */
  readonly closed: Map<number, number> = new Map();

  close(code: number): void {
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
  }
}
