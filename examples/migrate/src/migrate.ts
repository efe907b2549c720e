import { messageOf, unite } from "./document.ts";
import type { Mode, Outcome } from "./modes.ts";
import type { Failure, Move, Plan } from "./plan.ts";
import type { Source } from "./source.ts";
import { StopError } from "./stop-error.ts";

/** How far a migration is. It grows while it runs. */
export class Tally {
  readonly total: number;
  readonly outcomes: Map<Outcome, number> = new Map();
  readonly failures: Failure[];
  /** The size of all documents that nothing is wrong with. */
  bytes = 0;
  /** Why it ended early. */
  stopped: StopError | undefined;

  constructor({ moves, failures }: Plan) {
    this.total = moves.length + failures.length;
    this.failures = [...failures];
  }

  get done(): number {
    return this.failures.length + [...this.outcomes.values()].reduce((sum, n) => sum + n, 0);
  }

  count(outcome: Outcome, bytes: number): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.bytes += bytes;
  }
}

/**
 * Does with all documents of a plan what the mode says, several at a time. What is wrong with one does
 * not stop the others. Resolves when nothing is under way any more; never rejects.
 */
export async function migrate(
  source: Source,
  moves: readonly Move[],
  { mode, concurrency, tally }: { mode: Mode; concurrency: number; tally: Tally },
): Promise<void> {
  const rest = moves.values();
  async function work(): Promise<void> {
    for (const { name, room } of rest) {
      if (tally.stopped !== undefined) return;
      try {
        const update = unite(await source.read(name));
        tally.count(await mode(room, update), update.length);
      } catch (error) {
        if (error instanceof StopError) tally.stopped = error;
        else tally.failures.push({ name, why: messageOf(error) });
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work));
}
