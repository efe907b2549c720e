import { LruMap } from "../lru-map.ts";
import { networkOf } from "../network-of-address.ts";

/** So many wrong tokens may come from one network at once. */
const MOST = 10;
/** After this time one of them is forgotten. */
const FORGET_MS = 6_000;
/** With more than this from all networks together, one from a network is enough. */
const MOST_OF_ALL = 100;
const FORGET_OF_ALL_MS = 600;
/** Beyond this many networks the oldest are forgotten. */
const NETWORKS = 10_000;

interface Failures {
  readonly count: number;
  readonly at: number;
}

/**
 * Counts wrong tokens, so that nobody can try many, from one network or from a thousand. A network
 * from which no wrong one came is never blocked.
 */
export class FailedAttempts {
  readonly #failures: LruMap<string, Failures> = new LruMap(NETWORKS);
  #ofAll: Failures = { count: 0, at: 0 };

  /** Whether no token from this address is looked at now. */
  isBlocked(address: string, now: number): boolean {
    const ofNetwork = left(this.#failures.get(networkOf(address)), now, FORGET_MS);
    if (ofNetwork > MOST - 1) return true;
    return ofNetwork > 0 && left(this.#ofAll, now, FORGET_OF_ALL_MS) > MOST_OF_ALL - 1;
  }

  add(address: string, now: number): void {
    const network = networkOf(address);
    const ofNetwork = left(this.#failures.get(network), now, FORGET_MS);
    this.#failures.set(network, { count: ofNetwork + 1, at: now });
    this.#ofAll = { count: left(this.#ofAll, now, FORGET_OF_ALL_MS) + 1, at: now };
  }
}

function left(failures: Failures | undefined, now: number, forgetMs: number): number {
  if (failures === undefined) return 0;
  return Math.max(0, failures.count - (now - failures.at) / forgetMs);
}
