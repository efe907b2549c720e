import { Samples } from "./samples.ts";

/** A stretch of time and what became of everything that was sent within it. Times in milliseconds. */
export class Window {
  readonly from: number;
  to = Number.POSITIVE_INFINITY;
  /** From sending to receipt by another member. */
  readonly updateLatency = new Samples();
  readonly presenceLatency = new Samples();
  /** From sending an update to its return to the sender. */
  readonly returnLatency = new Samples();
  /** How many receipts by other members there have to be. */
  expectedUpdates = 0;
  expectedPresence = 0;
  /** Presence that a member never saw because a newer one of the same client came first. */
  replacedPresence = 0;
  /** Receipts by other members during the window, of whatever was sent when. */
  receipts = 0;
  /** How late the load generator was at worst with what it had to do. */
  worstLateness = 0;

  constructor(from: number) {
    this.from = from;
  }

  contains(time: number): boolean {
    return time >= this.from && time < this.to;
  }

  /** What other members got of what was sent within it: everything but replaced presence. */
  get deliveries(): number {
    return this.expectedUpdates + this.expectedPresence - this.replacedPresence;
  }
}
