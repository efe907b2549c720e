/**
 * Origin and unit of the clocks that servers assign. They fit into 32 bits until 2039, as some clients
 * read no more than that.
 */
const EPOCH = Date.UTC(2026, 0, 1);
const UNIT_MS = 100;

/** Clients fail on numbers above 2^53, and the server continues counting from what they send. */
export const MAX_CLOCK = 2 ** 52;

/**
 * A server shows a state that another server reports with a clock one higher than that server does: its
 * clients may have seen the state there before. A fresh clock has to exceed that too.
 */
const STEP = 2;

/**
 * Clocks that clients count up carry the clock of a room no further ahead of time than a minute: if all
 * servers forgot it, newcomers would be shown nobody for so long.
 */
const MAX_LEAD = 600;

/**
 * Assigns the clocks for states sent to clients that may have seen them before: on this server, on
 * another one, or before a crash that erased all memory of it. Clients ignore a clock that is not newer
 * than the one they saw.
 *
 * Like a Lamport clock it is ahead of everything that any server has assigned in the room, because each
 * server tells the others its `highest`. Like a wall clock it is also ahead of what a server assigned
 * that crashed before it told.
 */
export class AwarenessClock {
  #highest: number | null = null;

  /** No client of the room has been shown with a newer clock, as far as this server has heard. */
  get highest(): number {
    return this.#highest ?? 0;
  }

  /** Clients of this server or of another one are shown a state with this clock. */
  saw(clock: number, now: number): void {
    this.#highest = Math.max(this.highest, Math.min(clock, unitsAt(now) + MAX_LEAD));
  }

  /** @returns a function that gives a fresh clock for a client last shown with the given one, if any */
  fresh(now: number): (clock: number | undefined) => number {
    return this.#ahead(STEP, now);
  }

  /** The same for clients that another server reports, and that are not present here. */
  relayed(now: number): (clock: number) => number {
    return this.#ahead(1, now);
  }

  #ahead(step: number, now: number): (clock: number | undefined) => number {
    const fresh = Math.max(this.#highest === null ? 0 : this.#highest + step, unitsAt(now));
    return (clock) => (clock === undefined ? fresh : Math.max(clock + step, fresh));
  }
}

function unitsAt(now: number): number {
  return Math.floor((now - EPOCH) / UNIT_MS);
}
