import type { Logger } from "pino";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import { jittered } from "../runtime/backoff.ts";
import { Repeater } from "../runtime/repeater.ts";

/** Longest interval between reads of the registry. A crashed server's lease lasts about as long. */
const INTERVAL_MS = 12_500;

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
  readonly #runs: Repeater;

  constructor(options: CrashedServersOptions) {
    this.#options = options;
    this.#runs = new Repeater(() => this.#run());
    this.#runs.startIn(jittered(INTERVAL_MS));
  }

  /** Starts no further run. A call in progress continues until the stores are closed. */
  close(): void {
    void this.#runs.close();
  }

  async #run(): Promise<number> {
    const { registry, endConnections, logger } = this.#options;
    // Taken before the registry is read, so that a server that returns meanwhile keeps its new
    // connections.
    const at = Date.now();
    const done = new Set<ServerAddress>();
    try {
      const { lapsed } = await registry.servers();
      for (const server of lapsed) {
        if (this.#runs.isClosed) break;
        if (!this.#done.has(server)) await endConnections(server, at);
        done.add(server);
      }
      this.#done = done;
    } catch (error) {
      if (!this.#runs.isClosed)
        logger.warn({ err: error }, "ending connections of crashed servers failed, retrying");
    }
    // Servers that started together do not read the registry together.
    return jittered(INTERVAL_MS);
  }
}
