import type { Subscription } from "./bus.ts";
import { encodeMessage, type HolderBody, type PeerAwareness } from "./message.ts";
import { OwnEcho } from "./own-echo.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** Larger messages are not for the bus: receivers ask for their content. */
const MAX_MESSAGE_BYTES = 128 * 1024;

/** What one server publishes about one document: numbers it, and gathers what belongs together. */
export class Publisher {
  /** Names this time that the document is open. */
  readonly epoch: number = Math.floor(Math.random() * 2 ** 32);
  /** Shows whether the bus brings back what is published. */
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

  /** The number of the last message with changes, or of what was skipped. */
  get sequence(): number {
    return this.#sequence;
  }

  /** From now on messages go there. */
  connect(subscription: Subscription): void {
    this.#subscription = subscription;
  }

  /**
   * Something was not published, because nobody was there. Whoever still believes to have followed
   * sees a gap.
   */
  skip(): void {
    this.#sequence++;
  }

  /** Adds an update to the next message. The bytes must not change any more. */
  add(update: Uint8Array): void {
    this.#updates.push(update);
    this.#bytes += update.length;
  }

  /** Drops what was added: nobody needs it. */
  clear(): void {
    this.#updates = [];
    this.#bytes = 0;
  }

  /** Publishes what was added and `presence`. @returns whether there was anything */
  publishChanges(awareness: readonly PeerAwareness[]): boolean {
    if (this.#updates.length === 0 && awareness.length === 0) return false;
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
