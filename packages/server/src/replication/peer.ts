import type { Incarnation, ServerAddress } from "./registry.ts";

/** How far a server had counted in one of the times that it had the document open. */
export interface Heard {
  readonly epoch: number;
  readonly sequence: number;
}

/**
 * Another server that holds the same document, and what has been heard from it. Its messages are
 * numbered, so that what the bus has lost shows as a gap.
 */
export class Peer {
  readonly address: ServerAddress;
  /** The client ids of those who are present there. */
  readonly clients: Set<number> = new Set();
  /** Its clients that were declared gone here, so that it has to announce them anew. */
  readonly denied: Set<number> = new Set();
  /** Which run of the server this is; `null` before anything was heard from it. */
  incarnation: Incarnation | null = null;
  /** When it was last heard of, in milliseconds since the epoch. */
  heardAt: number;
  /** Not before this it is asked again for what it has. */
  askAt = 0;
  /** Names one time that it opened the document, as its numbers start anew then. */
  #epoch: number | null = null;
  /** Whether the server itself told so: what the bus brings may have taken its time. */
  #isConfirmed = false;
  /** What the bus has brought last of another time, while the server itself had told of this one. */
  #doubt: Heard | null = null;
  /** Everything that it published up to this number is here. */
  #complete = 0;
  /** The unbroken run of numbers that was heard last; it lies behind a gap. */
  #run: { from: number; to: number } | null = null;

  constructor(address: ServerAddress, now: number) {
    this.address = address;
    this.heardAt = now;
  }

  /** Whether something comes from this run of the server. From nobody knows which, the first is taken. */
  isRun(incarnation: Incarnation): boolean {
    this.incarnation ??= incarnation;
    return this.incarnation === incarnation;
  }

  /** Whether it is known to have the document open since that epoch, or nothing is known of it. */
  isAt(epoch: number): boolean {
    return this.#epoch === null || this.#epoch === epoch;
  }

  /** Whether something is missing, or it is not known which time it has the document open. */
  get isLagging(): boolean {
    return this.#epoch === null || this.#run !== null || this.#doubt !== null;
  }

  /**
   * Whether a message on the bus contradicts what the server itself told: it was published before the
   * document was opened anew there, and took its time, or the document was opened anew since. The
   * server is to be asked which.
   */
  doubts(epoch: number, sequence: number): boolean {
    if (!this.#isConfirmed || epoch === this.#epoch) return false;
    this.#doubt = { epoch, sequence };
    return true;
  }

  /**
   * Notes a message that is being taken.
   *
   * @returns false when it was taken before
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

  /** Notes how far it has counted, without a message of that number. */
  hearOf(epoch: number, sequence: number, now: number): void {
    this.heardAt = now;
    this.#begin(epoch);
    const reached = this.#run?.to ?? this.#complete;
    if (sequence > reached) this.#run = { from: sequence + 1, to: sequence };
  }

  /** The server itself tells of the time that it has the document open. */
  confirm(epoch: number): void {
    this.#begin(epoch);
    this.#isConfirmed = true;
    if (this.#doubt?.epoch !== epoch) return;
    const { sequence } = this.#doubt;
    this.#doubt = null;
    this.hearOf(epoch, sequence, this.heardAt);
  }

  /** Everything that it published up to `sequence` is here. */
  catchUp(epoch: number, sequence: number): void {
    this.#begin(epoch);
    this.#complete = Math.max(this.#complete, sequence);
    if (this.#run === null || this.#complete < this.#run.from - 1) return;
    this.#complete = Math.max(this.#complete, this.#run.to);
    this.#run = null;
  }

  /** What was heard last: when everything up to there is known to be here, `catchUp` takes it. */
  get heard(): Heard | null {
    if (this.#doubt !== null) return this.#doubt;
    if (this.#epoch === null) return null;
    return { epoch: this.#epoch, sequence: this.#run?.to ?? this.#complete };
  }

  /** The server was asked after this had been heard: there is no doubt about it any more. */
  settle(heard: Heard | null): void {
    if (this.#doubt?.epoch === heard?.epoch) this.#doubt = null;
  }

  #begin(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#isConfirmed = false;
    this.#complete = 0;
    // What it had before its first message is missing as well.
    this.#run = { from: 1, to: 0 };
  }
}
