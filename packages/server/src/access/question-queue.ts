import { AccessUnavailableError } from "./access.ts";

export interface QuestionQueueLimits {
  /** Questions that are asked at a time. */
  readonly atOnce: number;
  /** Questions that wait for their turn. */
  readonly waiting: number;
  /** A question whose turn comes later than that is not asked. */
  readonly waitMs: number;
}

/** Asks a few questions at once; others wait in order, up to a number. */
export class QuestionQueue {
  readonly #limits: QuestionQueueLimits;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(limits: QuestionQueueLimits) {
    this.#limits = limits;
    this.#free = limits.atOnce;
  }

  /** @throws AccessUnavailableError when too many wait, and whatever `ask` throws */
  async run<T>(ask: () => Promise<T>): Promise<T> {
    const { waiting, waitMs } = this.#limits;
    const since = performance.now();
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#waiting.length >= waiting) {
        throw new AccessUnavailableError(`${waiting} questions wait for the application`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      if (performance.now() - since > waitMs) {
        throw new AccessUnavailableError(
          `the application is too slow: waited ${waitMs} ms in vain`,
        );
      }
      return await ask();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
