import { Samples } from "./samples.ts";

/** A period, and what became of everything sent within it. Times are in milliseconds. */
export class Window {
  readonly from: number;
  to = Number.POSITIVE_INFINITY;
  /** From sending to receipt by another member. */
  readonly updateLatency = new Samples();
  readonly presenceLatency = new Samples();
  /** From sending an update to its return to the sender. */
  readonly returnLatency = new Samples();
  /** The number of receipts by other members that there have to be. */
  expectedUpdates = 0;
  expectedPresence = 0;
  /** Presence that a member never saw because a newer state of the same client arrived first. */
  replacedPresence = 0;
  /** Receipts by other members during the window, whenever the data was sent. */
  receipts = 0;
  /** The load generator's worst delay behind its schedule. */
  worstLateness = 0;

  constructor(from: number) {
    this.from = from;
  }

  contains(time: number): boolean {
    return time >= this.from && time < this.to;
  }

  /** What other members received of what was sent in the window: all but replaced presence. */
  get deliveries(): number {
    return this.expectedUpdates + this.expectedPresence - this.replacedPresence;
  }
}
