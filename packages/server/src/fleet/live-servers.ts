import type { Logger } from "pino";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import type { ServerCalls } from "./server-calls.ts";

/** How long the list of servers is cached. */
const CACHE_MS = 1_000;
/**
 * How long the last known list is used after a failed read, which may itself have taken seconds.
 */
const RETRY_MS = 5_000;

export interface LiveServersOptions {
  readonly local: ServerCalls;
  readonly registry: Pick<Registry, "servers">;
  /** Returns the calls of another server. */
  readonly connect: (address: ServerAddress) => ServerCalls;
  readonly logger: Logger;
}

/** The live servers of the cluster: this one first, then the others sorted by address. */
export class LiveServers {
  readonly #options: LiveServersOptions;
  #known: readonly ServerCalls[];
  #freshUntil = 0;
  #reading: Promise<readonly ServerCalls[]> | undefined;

  constructor(options: LiveServersOptions) {
    this.#options = options;
    this.#known = [options.local];
  }

  /** Returns a list up to a second old, or the last known one while the registry cannot be read. */
  async recent(): Promise<readonly ServerCalls[]> {
    if (performance.now() < this.#freshUntil) return this.#known;
    this.#reading ??= this.now().finally(() => {
      this.#reading = undefined;
    });
    try {
      return await this.#reading;
    } catch (error) {
      this.#freshUntil = performance.now() + RETRY_MS;
      this.#options.logger.debug(
        { err: error },
        "cannot read the list of servers, using the last known one",
      );
      return this.#known;
    }
  }

  /** Returns the current list. @throws RegistryError */
  async now(): Promise<readonly ServerCalls[]> {
    const { local, registry, connect } = this.#options;
    const { alive } = await registry.servers();
    const others = alive.filter((address) => address !== local.address).sort();
    this.#known = [local, ...others.map(connect)];
    this.#freshUntil = performance.now() + CACHE_MS;
    return this.#known;
  }
}
