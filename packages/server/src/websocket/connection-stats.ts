// Counters kept by the modules of this folder. Updating a field costs next to nothing; the metrics
// read them at each scrape.

/** Event-loop time charged to connections. */
export class LoopStats {
  milliseconds = 0;
  /** How often reading from a connection was paused until it had paid. */
  pauses = 0;
}

/** Counters of the clients' WebSockets. */
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
