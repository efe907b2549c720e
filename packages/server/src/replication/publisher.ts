import type { Subscription } from "./bus.ts";
import { type AwarenessReport, encodeMessage, type HolderBody } from "./message.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** A message of this server that has not come back after this time counts as lost. */
const OVERDUE_MS = 1_000;

/** Larger updates are not sent on the bus; receivers ask for them. */
const MAX_MESSAGE_BYTES = 128 * 1024;

/** Numbers and batches what one server publishes about one document. */
export class Publisher {
  /** Identifies this opening of the document. */
  readonly epoch: number = Math.floor(Math.random() * 2 ** 32);
  /** Tracks whether the bus delivers published messages back. */
  readonly echo: OwnEcho = new OwnEcho();
  readonly #sender: ServerAddress;
  readonly #incarnation: Incarnation;
  readonly #stats: ReplicationStats;
  #subscription: Subscription | undefined;
  #sequence = 0;
  #updates: Uint8Array[] = [];
  #bytes = 0;

  constructor(
    { address, incarnation }: { address: ServerAddress; incarnation: Incarnation },
    stats: ReplicationStats,
  ) {
    this.#sender = address;
    this.#incarnation = incarnation;
    this.#stats = stats;
  }

  /** The number of the last message with changes, or of the last skipped one. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Sends all further messages to this subscription. */
  connect(subscription: Subscription): void {
    this.#subscription = subscription;
  }

  /**
   * Accounts for changes that were not published because there were no other holders. A server that
   * believes it is up to date will see a gap.
   */
  skip(): void {
    this.#sequence++;
  }

  /** Adds an update to the next message. The bytes must not be modified afterwards. */
  add(update: Uint8Array): void {
    this.#updates.push(update);
    this.#bytes += update.length;
  }

  /** Drops the pending updates: there are no other holders left. */
  clear(): void {
    this.#updates = [];
    this.#bytes = 0;
  }

  /**
   * Publishes the pending updates and `awareness`.
   *
   * @returns false if there was nothing to publish
   */
  publishChanges(awareness: AwarenessReport): boolean {
    if (this.#updates.length === 0 && awareness.states.length === 0) return false;
    this.#sequence++;
    const whole = this.#bytes <= MAX_MESSAGE_BYTES;
    const updates = whole ? this.#updates : [];
    this.clear();
    this.publish({ type: "changes", updates, awareness, whole });
    return true;
  }

  publish(body: HolderBody): void {
    const { epoch, sequence } = this;
    this.#stats.busOut++;
    this.echo.published(Date.now());
    const [sender, incarnation] = [this.#sender, this.#incarnation];
    const message = encodeMessage({ sender, incarnation, epoch, sequence, body });
    this.#subscription?.publish(message);
  }
}

/**
 * Tracks whether the bus delivers this server's own messages back to it, as it does to every
 * subscriber of the room. This detects failures that a connection cannot see itself: a half-open
 * connection, or one that works in only one direction.
 */
class OwnEcho {
  #waitingSince = Number.POSITIVE_INFINITY;

  published(now: number): void {
    this.#waitingSince = Math.min(this.#waitingSince, now);
  }

  /** A message of this server came back. Earlier ones may have been lost, but the bus works. */
  came(): void {
    this.#waitingSince = Number.POSITIVE_INFINITY;
  }

  isOverdue(now: number): boolean {
    return now - this.#waitingSince >= OVERDUE_MS;
  }
}
