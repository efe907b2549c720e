import type { Incarnation, ServerAddress } from "./registry.ts";

/** A sequence number that a server reached in one epoch, that is, one opening of the document. */
export interface Heard {
  readonly epoch: number;
  readonly sequence: number;
}

/**
 * Another server that holds the same document, and what has been received from it. Its messages are
 * numbered, so messages lost by the bus show as gaps.
 */
export class Peer {
  readonly address: ServerAddress;
  /** The ids of the clients with awareness state on that server. */
  readonly clients: Set<number> = new Set();
  /** Its clients that this server has declared gone, so that it must announce them again. */
  readonly denied: Set<number> = new Set();
  /** Identifies the run of the server; `null` until something is received from it. */
  incarnation: Incarnation | null = null;
  /** When it was last heard from, in milliseconds since the epoch. */
  heardAt: number;
  /** It is not asked for its state again before this time. */
  askAt = 0;
  /** Identifies one opening of the document on that server; sequence numbers restart with each. */
  #epoch: number | null = null;
  /** Whether the server confirmed the epoch directly: messages on the bus may be delayed. */
  #isConfirmed = false;
  /** The last message on the bus with an epoch other than the confirmed one. */
  #doubt: Heard | null = null;
  /** Everything it published up to this number has arrived. */
  #complete = 0;
  /** The latest unbroken run of sequence numbers; a gap precedes it. */
  #run: { from: number; to: number } | null = null;

  constructor(address: ServerAddress, now: number) {
    this.address = address;
    this.heardAt = now;
  }

  /** Whether this is the known run of the server. If none is known yet, adopts this one. */
  isRun(incarnation: Incarnation): boolean {
    this.incarnation ??= incarnation;
    return this.incarnation === incarnation;
  }

  /** Whether the epoch matches the known one, or none is known. */
  isAt(epoch: number): boolean {
    return this.#epoch === null || this.#epoch === epoch;
  }

  /** Whether messages are missing, or its current epoch is unknown or in doubt. */
  get isLagging(): boolean {
    return this.#epoch === null || this.#run !== null || this.#doubt !== null;
  }

  /**
   * Whether a message on the bus contradicts the epoch that the server confirmed directly. Either
   * the message was published before the document was reopened there and arrives late, or the
   * document has been reopened since. Ask the server which.
   */
  doubts(epoch: number, sequence: number): boolean {
    if (!this.#isConfirmed || epoch === this.#epoch) return false;
    this.#doubt = { epoch, sequence };
    return true;
  }

  /**
   * Records a received message.
   *
   * @returns false if it is a duplicate
   */
  hear(epoch: number, sequence: number, now: number): boolean {
    this.heardAt = now;
    this.#begin(epoch);
    if (this.#run === null) {
      if (sequence <= this.#complete) return false;
      if (sequence === this.#complete + 1) this.#complete = sequence;
      else this.#run = { from: sequence, to: sequence };
    } else if (sequence === this.#run.to + 1) {
      this.#run.to = sequence;
    } else if (sequence > this.#run.to) {
      this.#run = { from: sequence, to: sequence };
    }
    return true;
  }

  /** Records its latest sequence number, without having received that message. */
  hearOf(epoch: number, sequence: number, now: number): void {
    this.heardAt = now;
    this.#begin(epoch);
    const reached = this.#run?.to ?? this.#complete;
    if (sequence > reached) this.#run = { from: sequence + 1, to: sequence };
  }

  /** The server itself has confirmed its current epoch. */
  confirm(epoch: number): void {
    this.#begin(epoch);
    this.#isConfirmed = true;
    if (this.#doubt?.epoch !== epoch) return;
    const { sequence } = this.#doubt;
    this.#doubt = null;
    this.hearOf(epoch, sequence, this.heardAt);
  }

  /** Everything it published up to `sequence` has arrived. */
  catchUp(epoch: number, sequence: number): void {
    this.#begin(epoch);
    this.#complete = Math.max(this.#complete, sequence);
    if (this.#run === null || this.#complete < this.#run.from - 1) return;
    this.#complete = Math.max(this.#complete, this.#run.to);
    this.#run = null;
  }

  /** The latest known position; pass it to `catchUp` once everything up to it has arrived. */
  get heard(): Heard | null {
    if (this.#doubt !== null) return this.#doubt;
    if (this.#epoch === null) return null;
    return { epoch: this.#epoch, sequence: this.#run?.to ?? this.#complete };
  }

  /** The server was asked after this position was recorded, which resolves any doubt about it. */
  settle(heard: Heard | null): void {
    if (this.#doubt?.epoch === heard?.epoch) this.#doubt = null;
  }

  #begin(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#isConfirmed = false;
    this.#complete = 0;
    // Its state from before the first message is missing too.
    this.#run = { from: 1, to: 0 };
  }
}
