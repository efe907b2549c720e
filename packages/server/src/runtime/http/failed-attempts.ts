import { LRUCache } from "lru-cache";
import { networkOf } from "../network-of-address.ts";

/** The number of wrong tokens that one network may send in a burst. */
const MOST = 10;
/** One failure is forgiven per this period. */
const FORGET_MS = 6_000;
/** With more failures than this from all networks together, a single one blocks a network. */
const MOST_OF_ALL = 100;
const FORGET_OF_ALL_MS = 600;
/** The most networks to remember; the least recently used are dropped. */
const NETWORKS = 10_000;

interface Failures {
  readonly count: number;
  readonly at: number;
}

/**
 * Counts wrong tokens to prevent guessing, whether from one network or from a thousand. A network
 * that has sent no wrong token is never blocked.
 */
export class FailedAttempts {
  readonly #failures: LRUCache<string, Failures> = new LRUCache({ max: NETWORKS });
  #ofAll: Failures = { count: 0, at: 0 };

  /** Whether tokens from this address are currently rejected unchecked. */
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
