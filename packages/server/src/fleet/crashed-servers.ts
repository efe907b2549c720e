import type { Logger } from "pino";
import type { Registry, ServerAddress } from "../replication/registry.ts";

/**
 * Interval between reads of the registry, similar to the time for which a crashed server's lease
 * lasts.
 */
const INTERVAL_MS = 10_000;

export interface CrashedServersOptions {
  readonly registry: Pick<Registry, "servers">;
  /**
   * Marks a server's connections as ended that began by the given time and are recorded as open.
   * Every server of the cluster calls this; a rejection is logged, and the call is retried.
   */
  readonly endConnections: (server: ServerAddress, at: number) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Marks the connections of crashed servers as ended once their lease has expired, about 20 s after
 * the crash. A server that was only frozen continues to serve, but its earlier connections stay
 * recorded as ended.
 */
export class CrashedServers {
  readonly #options: CrashedServersOptions;
  /** Servers already handled, for as long as the registry lists them. */
  #done: ReadonlySet<ServerAddress> = new Set();
  #timer: NodeJS.Timeout;
  #closed = false;

  constructor(options: CrashedServersOptions) {
    this.#options = options;
    this.#timer = this.#later();
  }

  /** Starts no further run. A call in progress continues until the stores are closed. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Jitter keeps servers that started together from reading the registry together. */
  #later(): NodeJS.Timeout {
    return setTimeout(() => void this.#run(), INTERVAL_MS * (0.75 + Math.random() / 2));
  }

  async #run(): Promise<void> {
    const { registry, endConnections, logger } = this.#options;
    // Taken before the registry is read, so that a server that returns meanwhile keeps its new
    // connections.
    const at = Date.now();
    const done = new Set<ServerAddress>();
    try {
      const { lapsed } = await registry.servers();
      for (const server of lapsed) {
        if (this.#closed) return;
        if (!this.#done.has(server)) await endConnections(server, at);
        done.add(server);
      }
      this.#done = done;
    } catch (error) {
      if (!this.#closed)
        logger.warn({ err: error }, "ending connections of crashed servers failed, retrying");
    }
    if (!this.#closed) this.#timer = this.#later();
  }
}
