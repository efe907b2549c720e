import { LRUCache } from "lru-cache";
import { networkOf } from "../runtime/network-of-address.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface ConnectionLimitsOptions {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Average rate; a burst may be twice that. */
  readonly attemptsPerSecondPerAddress: number;
}

/** The limit that was reached. */
export type LimitReached = "connections" | "connections-per-address" | "attempts-per-address";

/** A connection that counts toward the limits until it is released. */
export interface Admission {
  /** Releases the connection when it has closed. Only the first call counts. */
  release(): void;
}

/** How many addresses are tracked; the one silent the longest is forgotten first. */
const MAX_ADDRESSES = 10_000;

/** Limits the number of connections, and the rate of attempts per address. */
export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #attempts: LRUCache<string, TokenBucket> = new LRUCache({ max: MAX_ADDRESSES });
  readonly #byAddress: Map<string, number> = new Map();
  #connections = 0;

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /** Counts an attempt and, if it is within all limits, the connection. */
  admit(address: string): Admission | LimitReached {
    const { connections, connectionsPerAddress } = this.#options;
    const network = networkOf(address);
    const open = this.#byAddress.get(network) ?? 0;
    if (!this.#mayTry(network)) return "attempts-per-address";
    if (open >= connectionsPerAddress) return "connections-per-address";
    if (this.#connections >= connections) return "connections";
    this.#byAddress.set(network, open + 1);
    this.#connections++;
    let released = false;
    return {
      release: () => {
        if (!released) this.#release(network);
        released = true;
      },
    };
  }

  #mayTry(network: string): boolean {
    const now = performance.now();
    const known = this.#attempts.get(network);
    const bucket = known ?? new TokenBucket(this.#options.attemptsPerSecondPerAddress, now);
    if (known === undefined) this.#attempts.set(network, bucket);
    return bucket.take(now);
  }

  #release(network: string): void {
    this.#connections--;
    const left = (this.#byAddress.get(network) ?? 0) - 1;
    if (left > 0) this.#byAddress.set(network, left);
    else this.#byAddress.delete(network);
  }
}
