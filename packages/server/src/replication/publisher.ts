import type { Subscription } from "./bus.ts";
import { type AwarenessReport, encodeMessage, type HolderBody } from "./message.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";
import type { ReplicaAwareness } from "./replica.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** A message of this server that has not come back after this time counts as lost. */
const OVERDUE_MS = 1_000;

/** How long messages may still arrive that this server sent when it last held the document. */
const EARLIER_MS = 10_000;

/** Larger updates are not sent on the bus; receivers ask for them. */
const MAX_MESSAGE_BYTES = 128 * 1024;

/** Numbers and batches what one server publishes about one document. */
export class Publisher {
  /** Identifies this opening of the document. */
  readonly epoch: number = Math.floor(Math.random() * 2 ** 32);
  /** Tracks whether the bus delivers published messages back. */
  readonly echo: OwnEcho = new OwnEcho(this.epoch);
  readonly #sender: ServerAddress;
  readonly #incarnation: Incarnation;
  readonly #stats: ReplicationStats;
  #subscription: Subscription | undefined;
  #sequence = 0;
  #updates: Uint8Array[] = [];
  #bytes = 0;
  /** The version up to which the awareness of this server's clients has been published. */
  #awarenessVersion = 0;

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
   *
   * @param awarenessVersion the current version of the awareness
   */
  skip(awarenessVersion: number): void {
    this.#awarenessVersion = awarenessVersion;
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
   * Publishes the pending updates, and how the awareness of this server's clients has changed since
   * the last call.
   *
   * @returns false if there was nothing to publish
   */
  flush(awareness: ReplicaAwareness): boolean {
    const { clock, version } = awareness;
    const states = awareness.localSince(this.#awarenessVersion);
    this.#awarenessVersion = version;
    return this.publishChanges({ states, clock });
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
  readonly #epoch: number;
  #waitingSince = Number.POSITIVE_INFINITY;
  /** From then on, a message of another epoch is from another server with the same address. */
  #foreignFrom = Date.now() + EARLIER_MS;

  /** @param epoch of the messages that are published from now on */
  constructor(epoch: number) {
    this.#epoch = epoch;
  }

  published(now: number): void {
    this.#waitingSince = Math.min(this.#waitingSince, now);
  }

  /**
   * A message with this server's address arrived. If it came back, earlier ones may have been lost,
   * but the bus works.
   *
   * @returns whether another server sent it, which has the same address. True only once.
   */
  came(epoch: number, now: number): boolean {
    if (epoch === this.#epoch) {
      this.#waitingSince = Number.POSITIVE_INFINITY;
      return false;
    }
    if (now < this.#foreignFrom) return false;
    this.#foreignFrom = Number.POSITIVE_INFINITY;
    return true;
  }

  isOverdue(now: number): boolean {
    return now - this.#waitingSince >= OVERDUE_MS;
  }
}
