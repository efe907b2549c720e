import type { TaskKind } from "./task-budget.ts";

/** How long a room is penalized after a task exceeded its share of the shared workers. */
const SHORT_MS = 60_000;
/** The same after a task exceeded its whole budget. */
const LONG_MS = 600_000;
/** With more entries than this, the oldest are forgotten; they merely get their share again. */
const MOST = 10_000;

/** Rooms whose tasks of some kind have recently proven expensive. */
export class RoomPenalties {
  /** When the penalty ends, by `performance.now()`; keyed by kind and room. */
  readonly #until: Map<string, number> = new Map();

  add(room: string, kind: TaskKind, long: boolean): void {
    const key = keyOf(room, kind);
    this.#until.delete(key);
    this.#until.set(key, performance.now() + (long ? LONG_MS : SHORT_MS));
    if (this.#until.size <= MOST) return;
    const [oldest] = this.#until.keys();
    if (oldest !== undefined) this.#until.delete(oldest);
  }

  has(room: string, kind: TaskKind): boolean {
    const key = keyOf(room, kind);
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.#until.delete(key);
    return false;
  }
}

function keyOf(room: string, kind: TaskKind): string {
  return `${kind} ${room}`;
}
