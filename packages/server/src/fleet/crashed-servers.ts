import type { Logger } from "pino";
import type { Registry, ServerAddress } from "../replication/registry.ts";

/** So long the registry is not asked again; the lease of a crashed server lasts as long. */
const INTERVAL_MS = 10_000;

export interface CrashedServersOptions {
  readonly registry: Pick<Registry, "servers">;
  /**
   * Ends the connections to a server that began by a time and are recorded as open. Every server of
   * the cluster calls it; a rejection is logged, and tried again.
   */
  readonly endConnections: (server: ServerAddress, at: number) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Ends what is recorded as open of servers that crashed, once their lease has lapsed: about 20 s
 * after the crash. A server that was only frozen goes on serving, and its connections of before stay
 * recorded as ended.
 */
export class CrashedServers {
  readonly #options: CrashedServersOptions;
  /** Those that are done, as long as the registry names them. */
  #done: ReadonlySet<ServerAddress> = new Set();
  #timer: NodeJS.Timeout;
  #closed = false;

  constructor(options: CrashedServersOptions) {
    this.#options = options;
    this.#timer = this.#later();
  }

  /** What was begun goes on until the stores are closed. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Servers that started together do not ask together. */
  #later(): NodeJS.Timeout {
    return setTimeout(() => void this.#run(), INTERVAL_MS * (0.75 + Math.random() / 2));
  }

  async #run(): Promise<void> {
    const { registry, endConnections, logger } = this.#options;
    // Before the registry is read: who comes back meanwhile keeps its new connections.
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
        logger.warn({ err: error }, "connections of crashed servers stay recorded as open");
    }
    if (!this.#closed) this.#timer = this.#later();
  }
}
