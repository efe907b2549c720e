import { networkOf } from "../runtime/network-of-address.ts";

/**
 * Spreads tasks over turns of the event loop, so that connected clients wait for a few of them and not
 * for a hundred that become due together. Networks take turns.
 */
export class FairTurns {
  readonly #perTurn: number;
  readonly #queues: Map<string, (() => void)[]> = new Map();
  #taken = 0;
  #isTurn = false;

  /** @param perTurn how many tasks may run in one turn */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Calls `task`, at once if there were few in this turn. It must not throw. */
  run(address: string, task: () => void): void {
    if (this.#queues.size === 0 && this.#taken < this.#perTurn) {
      this.#take(task);
      return;
    }
    const network = networkOf(address);
    const queue = this.#queues.get(network);
    if (queue === undefined) this.#queues.set(network, [task]);
    else queue.push(task);
  }

  #take(task: () => void): void {
    this.#taken++;
    if (!this.#isTurn) {
      this.#isTurn = true;
      setImmediate(() => this.#next());
    }
    task();
  }

  #next(): void {
    this.#taken = 0;
    this.#isTurn = false;
    while (this.#taken < this.#perTurn) {
      const [first] = this.#queues;
      if (first === undefined) return;
      const [network, queue] = first;
      const task = queue.shift();
      this.#queues.delete(network);
      if (queue.length > 0) this.#queues.set(network, queue);
      if (task !== undefined) this.#take(task);
    }
  }
}
