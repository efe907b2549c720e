import type { Bus } from "./bus.ts";
import type { Publisher } from "./publisher.ts";

/**
 * How often holders ask each other directly while the bus is down. One that has new changes does so
 * at the next tick.
 */
const EXCHANGE_MS = 1_800;

/**
 * Decides when this server asks all other holders of a document directly, because the bus is down.
 * Times are in milliseconds since the epoch.
 */
export class DirectExchange {
  readonly #bus: Pick<Bus, "problem">;
  readonly #publisher: Publisher;
  #nextAt = 0;
  /** This server's sequence number at the last exchange. */
  #exchanged = 0;
  /** At this time the others are asked once, regardless of the state of the bus. */
  #requestedAt = Number.POSITIVE_INFINITY;

  constructor(bus: Pick<Bus, "problem">, publisher: Publisher) {
    this.#bus = bus;
    this.#publisher = publisher;
  }

  /** Requests one exchange at this time, whether or not the bus works. */
  at(time: number): void {
    this.#requestedAt = time;
  }

  /** Whether the bus reports a problem, or does not bring back what this server publishes. */
  isBusSilent(now: number): boolean {
    return this.#bus.problem !== undefined || this.#publisher.echo.isOverdue(now);
  }

  /** Whether to ask the others now. If so, the caller does it. */
  begin(now: number): boolean {
    const { sequence } = this.#publisher;
    if (now >= this.#requestedAt) {
      this.#requestedAt = Number.POSITIVE_INFINITY;
      return true;
    }
    if (!this.isBusSilent(now)) return false;
    if (now < this.#nextAt && sequence === this.#exchanged) return false;
    this.#nextAt = now + EXCHANGE_MS;
    this.#exchanged = sequence;
    return true;
  }
}
