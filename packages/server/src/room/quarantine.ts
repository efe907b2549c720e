import type { OverBudgetError } from "./worker-errors.ts";

/** A room whose document takes more time or memory to handle than a room may use. */
export interface QuarantinedRoom {
  /** What was too much. */
  readonly reason: string;
  /** In milliseconds since the epoch. */
  readonly since: number;
  /** When it is tried again at the earliest, if the room is still changed or shown then. */
  readonly retryAt: number;
}

/**
 * What is done with documents that may be too much, each with pauses of its own: to compact one builds
 * a `Y.Doc`; where that is too much its updates are only merged, and where that is too, they stay in
 * the journal; to show one builds its JSON.
 */
export type QuarantinedWork = "compact" | "merge" | "show";

interface Entry extends QuarantinedRoom {
  readonly pauseMs: number;
  readonly work: ReadonlyMap<QuarantinedWork, number>;
}

const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 60 * 60_000;
/** The oldest are forgotten beyond this; they only get another try. */
const MOST = 10_000;

/** Is told once of each change of a room's state: what it is now, or `null` at its end. */
export type QuarantineListener = (room: string, state: QuarantinedRoom | null) => void;

/**
 * Rooms that have exceeded a budget. They are served from their log like all others; only the work
 * that was too much is not tried again before a pause, which grows from a minute to hours.
 */
export class Quarantine {
  /** How often a room exceeded a budget. */
  exceeded = 0;
  readonly #rooms: Map<string, Entry> = new Map();
  readonly #now: () => number;
  #onChange: QuarantineListener = () => {};

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** There is one listener. */
  onChange(listener: QuarantineListener): void {
    this.#onChange = listener;
  }

  get size(): number {
    return this.#rooms.size;
  }

  of(room: string): QuarantinedRoom | undefined {
    const entry = this.#rooms.get(room);
    return entry && { reason: entry.reason, since: entry.since, retryAt: entry.retryAt };
  }

  /** Whether something may be tried now. */
  allows(room: string, work: QuarantinedWork): boolean {
    const retryAt = this.#rooms.get(room)?.work.get(work);
    return retryAt === undefined || retryAt <= this.#now();
  }

  /** Something has exceeded its budget. */
  exceed(room: string, work: QuarantinedWork, { message }: OverBudgetError): void {
    this.exceeded++;
    const now = this.#now();
    const before = this.#rooms.get(room);
    // Merging fails only after compacting has: this is the same try.
    const goesOn = before !== undefined && before.retryAt > now;
    const pauseMs =
      before === undefined
        ? FIRST_PAUSE_MS
        : goesOn
          ? before.pauseMs
          : Math.min(LONGEST_PAUSE_MS, 2 * before.pauseMs);
    const retryAt = now + pauseMs;
    const entry: Entry = {
      reason: message,
      since: before?.since ?? now,
      retryAt,
      pauseMs,
      work: new Map(before?.work).set(work, retryAt),
    };
    this.#rooms.delete(room);
    this.#rooms.set(room, entry);
    if (before === undefined) this.#onChange(room, { reason: message, since: now, retryAt });
    if (this.#rooms.size <= MOST) return;
    const [oldest] = this.#rooms.keys();
    if (oldest !== undefined) this.#rooms.delete(oldest);
  }

  /** Something that may have been too much has been done. */
  pass(room: string, work: QuarantinedWork): void {
    const before = this.#rooms.get(room);
    if (before === undefined || !before.work.has(work)) return;
    const left = new Map(before.work);
    left.delete(work);
    // What only stood in for it is not needed any more.
    if (work === "compact") left.delete("merge");
    if (left.size > 0) this.#rooms.set(room, { ...before, work: left });
    else this.end(room);
  }

  /** The room is deleted, or fine again. */
  end(room: string): void {
    if (this.#rooms.delete(room)) this.#onChange(room, null);
  }
}
