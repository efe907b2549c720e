import { networkOf } from "../runtime/network-of-address.ts";

/** Upgrades per turn of the event loop. Each takes about a millisecond, including what follows it. */
const PER_TURN = 4;

/**
 * Spreads upgrades over turns of the event loop, so that connected clients wait for a few upgrades and
 * not for a hundred that arrive together. Networks take turns.
 */
export class UpgradeTurns {
  readonly #queues: Map<string, (() => void)[]> = new Map();
  #taken = 0;
  #isTurn = false;

  /** Calls `upgrade`, at once if there were few in this turn. It must not throw. */
  run(address: string, upgrade: () => void): void {
    if (this.#queues.size === 0 && this.#taken < PER_TURN) {
      this.#take(upgrade);
      return;
    }
    const network = networkOf(address);
    const queue = this.#queues.get(network);
    if (queue === undefined) this.#queues.set(network, [upgrade]);
    else queue.push(upgrade);
  }

  #take(upgrade: () => void): void {
    this.#taken++;
    if (!this.#isTurn) {
      this.#isTurn = true;
      setImmediate(() => this.#next());
    }
    upgrade();
  }

  #next(): void {
    this.#taken = 0;
    this.#isTurn = false;
    while (this.#taken < PER_TURN) {
      const [first] = this.#queues;
      if (first === undefined) return;
      const [network, queue] = first;
      const upgrade = queue.shift();
      this.#queues.delete(network);
      if (queue.length > 0) this.#queues.set(network, queue);
      if (upgrade !== undefined) this.#take(upgrade);
    }
  }
}
