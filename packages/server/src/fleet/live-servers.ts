import type { Logger } from "pino";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import type { ServerCalls } from "./server-calls.ts";

/** So long the registry is not asked again. */
const CACHE_MS = 1_000;
/** The same after it failed, which may have taken some seconds. */
const RETRY_MS = 5_000;

export interface LiveServersOptions {
  readonly local: ServerCalls;
  readonly registry: Pick<Registry, "servers">;
  /** Gives the calls of another server. */
  readonly connect: (address: ServerAddress) => ServerCalls;
  readonly logger: Logger;
}

/** The servers of the cluster that are alive: this one first, and the others by address. */
export class LiveServers {
  readonly #options: LiveServersOptions;
  #known: readonly ServerCalls[];
  #freshUntil = 0;
  #reading: Promise<readonly ServerCalls[]> | undefined;

  constructor(options: LiveServersOptions) {
    this.#options = options;
    this.#known = [options.local];
  }

  /** As of a second ago; while the registry cannot be read, those that were known last. */
  async recent(): Promise<readonly ServerCalls[]> {
    if (performance.now() < this.#freshUntil) return this.#known;
    this.#reading ??= this.now().finally(() => {
      this.#reading = undefined;
    });
    try {
      return await this.#reading;
    } catch (error) {
      this.#freshUntil = performance.now() + RETRY_MS;
      this.#options.logger.debug({ err: error }, "the list of servers cannot be read");
      return this.#known;
    }
  }

  /** As of now. @throws RegistryError */
  async now(): Promise<readonly ServerCalls[]> {
    const { local, registry, connect } = this.#options;
    const { alive } = await registry.servers();
    const others = alive.filter((address) => address !== local.address).sort();
    this.#known = [local, ...others.map(connect)];
    this.#freshUntil = performance.now() + CACHE_MS;
    return this.#known;
  }
}
