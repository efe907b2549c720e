import type { OverBudgetError } from "./worker-errors.ts";

/** A room whose document takes more time or memory to handle than a room may use. */
export interface QuarantinedRoom {
  /** Which budget was exceeded, by what. */
  readonly reason: string;
  /** In milliseconds since the epoch. */
  readonly since: number;
  /** Earliest retry, if the room still changes or is shown by then; in milliseconds since the epoch. */
  readonly retryAt: number;
}

/**
 * The kinds of work on a document that may exceed its budget, each with its own pauses. Compacting builds
 * a `Y.Doc`; if that costs too much, the updates are only merged; if that does too, they stay in the
 * journal. Showing a document builds its JSON.
 */
export type QuarantinedWork = "compact" | "merge" | "show";

interface QuarantineEntry extends QuarantinedRoom {
  readonly pauseMs: number;
  readonly work: ReadonlyMap<QuarantinedWork, number>;
}

const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 60 * 60_000;
/** With more rooms than this, the oldest are forgotten; they merely get another try. */
const MOST = 10_000;

/** Called when a room is quarantined, with its state, and when the quarantine ends, with `null`. */
export type QuarantineListener = (room: string, state: QuarantinedRoom | null) => void;

/**
 * Rooms that have exceeded a budget. They are served from their log like all others; only the work that
 * exceeded it is not retried until after a pause, which grows from one minute to six hours.
 */
export class Quarantine {
  /** How often any room has exceeded a budget. */
  exceeded = 0;
  readonly #rooms: Map<string, QuarantineEntry> = new Map();
  readonly #now: () => number;
  #onChange: QuarantineListener = () => {};

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Sets the listener; there is only one. */
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

  /** Whether this work may be tried now. */
  allows(room: string, work: QuarantinedWork): boolean {
    const retryAt = this.#rooms.get(room)?.work.get(work);
    return retryAt === undefined || retryAt <= this.#now();
  }

  /** Records that this work has exceeded its budget. */
  exceed(room: string, work: QuarantinedWork, { message }: OverBudgetError): void {
    this.exceeded++;
    const now = this.#now();
    const before = this.#rooms.get(room);
    // Merging fails only after compacting has failed, so this is still the same attempt.
    const goesOn = before !== undefined && before.retryAt > now;
    const pauseMs =
      before === undefined
        ? FIRST_PAUSE_MS
        : goesOn
          ? before.pauseMs
          : Math.min(LONGEST_PAUSE_MS, 2 * before.pauseMs);
    const retryAt = now + pauseMs;
    const entry: QuarantineEntry = {
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

  /** Records that this work has succeeded. */
  pass(room: string, work: QuarantinedWork): void {
    const before = this.#rooms.get(room);
    if (before === undefined || !before.work.has(work)) return;
    const left = new Map(before.work);
    left.delete(work);
    // Merging is only a fallback for compacting, so its failure no longer matters.
    if (work === "compact") left.delete("merge");
    if (left.size > 0) this.#rooms.set(room, { ...before, work: left });
    else this.end(room);
  }

  /** Ends the quarantine: the room has been deleted, or its work succeeds again. */
  end(room: string): void {
    if (this.#rooms.delete(room)) this.#onChange(room, null);
  }
}
