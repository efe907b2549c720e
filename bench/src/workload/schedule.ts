import { shuffled } from "./random.ts";
import { type Action, memberCount, type Workload } from "./workload.ts";

/**
 * Decides who acts when: all members take turns in a shuffled order, evenly spread over time. Each
 * makes its updates and presence changes in a one-second rhythm that starts at a different point
 * for each.
 */
export class Schedule {
  readonly actionsPerSecond: number;
  readonly #order: readonly number[];
  readonly #updates: number;
  readonly #rhythm: number;

  constructor(workload: Workload) {
    this.#order = shuffled(memberCount(workload));
    this.#updates = workload.updatesPerSecond;
    this.#rhythm = workload.updatesPerSecond + workload.presencePerSecond;
    this.actionsPerSecond = this.#order.length * this.#rhythm;
  }

  /** Returns action `n`, which is due `n / actionsPerSecond` seconds after the start. */
  action(number: number): Action {
    const turn = number % this.#order.length;
    const round = Math.floor(number / this.#order.length);
    const member = this.#order[turn] ?? 0;
    const kind = (round + member) % this.#rhythm < this.#updates ? "update" : "presence";
    return { member, kind };
  }
}
