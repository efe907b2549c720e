import { LruMap } from "../access/lru-map.ts";
import { networkOf } from "../access/network-of-address.ts";

/** So many wrong tokens may come from one network at once. */
const MOST = 10;
/** After this time one of them is forgotten. */
const FORGET_MS = 6_000;
/** Beyond this many networks the oldest are forgotten. */
const NETWORKS = 10_000;

/** Counts the wrong tokens from each network, so that nobody can try many. */
export class FailedAttempts {
  readonly #failures: LruMap<string, { readonly count: number; readonly at: number }> = new LruMap(
    NETWORKS,
  );

  /** Whether no token from this address is looked at now. */
  isBlocked(address: string, now: number): boolean {
    return this.#countOf(networkOf(address), now) > MOST - 1;
  }

  add(address: string, now: number): void {
    const network = networkOf(address);
    this.#failures.set(network, { count: this.#countOf(network, now) + 1, at: now });
  }

  #countOf(network: string, now: number): number {
    const failures = this.#failures.get(network);
    if (failures === undefined) return 0;
    return Math.max(0, failures.count - (now - failures.at) / FORGET_MS);
  }
}
