import type { MemoryGuard } from "./memory-guard.ts";

/** Answers of one room that are computed at the same time. */
const AT_ONCE = 2;

interface Turn {
  running: number;
  readonly waiting: (() => void)[];
}

/**
 * Answers to state vectors of large documents, each of which is a document of its own. Those of a room
 * are computed a few at a time, and none while memory is short: what is computed waits in memory
 * until its client has read it, and a hundred clients may ask at once.
 */
export class LargeAnswers {
  readonly #guard: MemoryGuard;
  readonly #turns: Map<string, Turn> = new Map();

  constructor(guard: MemoryGuard) {
    this.#guard = guard;
  }

  /** @throws what `answer` throws */
  async run(room: string, answer: () => Promise<void>): Promise<void> {
    const turn = this.#turns.get(room) ?? { running: 0, waiting: [] };
    this.#turns.set(room, turn);
    if (turn.running >= AT_ONCE) await new Promise<void>((resolve) => turn.waiting.push(resolve));
    else turn.running++;
    try {
      this.#guard.look();
      await this.#guard.whenNotFull();
      await answer();
    } finally {
      const next = turn.waiting.shift();
      if (next !== undefined) next();
      else turn.running--;
      if (turn.running === 0) this.#turns.delete(room);
    }
  }
}
