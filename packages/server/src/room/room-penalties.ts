import type { TaskKind } from "./task-budget.ts";

/** How long a room is not trusted after a task used up its share of the common workers. */
const SHORT_MS = 60_000;
/** After one used up its whole budget. */
const LONG_MS = 600_000;
/** The oldest are forgotten beyond this: they only get their share of the common workers again. */
const MOST = 10_000;

/** Rooms whose tasks of some kind have turned out to be expensive lately. */
export class RoomPenalties {
  /** The key is kind and room; the value is when it ends, by `performance.now()`. */
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
