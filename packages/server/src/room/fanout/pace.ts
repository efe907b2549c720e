import { EventLoopLoad } from "./event-loop-load.ts";

/** A flush to this many sinks or fewer is cheap. */
const SMALL_FAN_OUT = 8;
/** How long a larger room gathers for each sink, and at most. */
const UPDATES_MS_PER_SINK = 0.28;
const MOST_UPDATES_MS = 50;
/** Awareness costs more: clients answer each awareness message by echoing all of its states. */
const AWARENESS_MS_PER_SINK = 0.98;
const MOST_AWARENESS_MS = 150;

/** Up to this event loop load, nothing is gathered because of it. */
const HEADROOM = 0.65;
/** At this load rooms gather for `MOST_LOAD_MS`. */
const FULL = 0.95;
const MOST_LOAD_MS = 120;
/** After a commit, updates are gathered for this long, and for longer under load. */
const LEAST_COMMIT_MS = 9;
const MOST_COMMIT_MS = 30;

/**
 * How long changes are gathered, in milliseconds: by a room between two flushes, and by the journal
 * between two commits. Every flush costs a write per client, and with awareness an answer from each
 * client as well; every commit costs the same, however little it writes. While the event loop has time to
 * spare, that harms nobody. As the load grows, the pauses grow with the square of what exceeds the
 * headroom: what gathering saves lowers the load again, so the two settle at a point, without a step and
 * without flapping.
 *
 * A room's pause also grows with its size, so that n clients that all write cost on the order of n, not
 * n².
 */
export class Pace {
  readonly #load: { get(now: number): number };

  /** @param load the load of the event loop, from 0 to 1, smoothed over about a second */
  constructor(load: { get(now: number): number } = new EventLoopLoad()) {
    this.#load = load;
  }

  /** The time between two commits. */
  ofCommits(now: number): number {
    return LEAST_COMMIT_MS + (MOST_COMMIT_MS - LEAST_COMMIT_MS) * this.#excess(now);
  }

  /** The time between two flushes of any room at the present load. */
  ofLoad(now: number): number {
    return MOST_LOAD_MS * this.#excess(now);
  }

  /** The time between two flushes of updates. */
  ofUpdates(fanOut: number, now: number): number {
    return Math.max(this.ofLoad(now), ofSize(fanOut, UPDATES_MS_PER_SINK, MOST_UPDATES_MS));
  }

  /** The time between two flushes of awareness, because of the size of the room. */
  ofAwareness(fanOut: number): number {
    return ofSize(fanOut, AWARENESS_MS_PER_SINK, MOST_AWARENESS_MS);
  }

  #excess(now: number): number {
    const excess = (Math.min(this.#load.get(now), FULL) - HEADROOM) / (FULL - HEADROOM);
    return excess <= 0 ? 0 : excess * excess;
  }
}

function ofSize(fanOut: number, perSink: number, most: number): number {
  return fanOut <= SMALL_FAN_OUT ? 0 : Math.min(most, fanOut * perSink);
}
