import type { ChangeAuthor } from "../hooks/hooks.ts";
import type { Frame } from "../protocol/frame.ts";
import { Identity } from "./identity.ts";
import type { Origin, WritingSubscriber } from "./origin.ts";

/** Where the frames for one subscriber go: a client's socket, or code in this process. */
export interface Sink {
  /** False while earlier writes are still buffered; the room is notified when they have drained. */
  readonly writable: boolean;
  /** Accepts awareness even while not `writable`, because it is sending a document in parts. */
  readonly takesAwareness?: boolean;
  /**
   * Never throws. Writes to a closed sink are dropped.
   *
   * @param known the state vector that the frames answer; without it, that of a new client
   */
  write(frames: readonly Frame[], known?: Uint8Array): void;
  /**
   * Pings the client with this number; the room is notified of the answer. Missing for subscribers in
   * this process, because they do not return on another connection.
   */
  prove?(number: number): void;
  /**
   * How long the client has owed an answer, in milliseconds; 0 if it owes none. Subscribers in this
   * process are always alive, and have neither this nor `check`.
   */
  readonly silentFor?: number;
  /**
   * Checks whether the client is still alive, and ends the connection if it is not.
   *
   * @param onAlive called if it is; only a limited number of callbacks can wait, others are dropped
   */
  probe(onAlive: () => void): void;
  /** Pings the client. @returns whether it answered the previous ping */
  check?(): boolean;
  /** Charges the client for work done after its message was handled, in milliseconds. */
  charge?(ms: number): void;
  /** Closes it, and tells the client or code behind it why. */
  close(reason: Error): void;
}

/**
 * One subscriber of a room, and how far its client has got. Lagging subscribers cost nothing: what they
 * lack is in the log and in the awareness table.
 */
export class Subscriber implements WritingSubscriber {
  readonly sink: Sink;
  /** The origin of its client's updates. */
  readonly origin: Origin = { kind: "session", subscriber: this };
  /**
   * Updates from others below this offset have been sent. `null` until the client has sent its state
   * vector; it gets no updates before that.
   */
  cursor: number | null = null;
  /** The offset of its client's first update that is not durable. */
  pendingFrom = Number.POSITIVE_INFINITY;
  /** Distinguishes its client from those of other subscribers. */
  readonly identity: Identity = new Identity();
  /** From this offset on, updates that its own client may have written were left out and are owed. */
  owedFrom = Number.POSITIVE_INFINITY;
  /** Subscribers whose updates were left out because they may be its own client; `null` if none. */
  suspects: Set<WritingSubscriber> | null = null;
  /** Awareness up to this version has been sent; `null`: none yet, and none will be for now. */
  awarenessVersion: number | null = 0;
  /** Whether it is owed the complete awareness once its sink is writable again. */
  isOwedAwareness = false;
  /** The client ids that this connection introduced to the awareness. */
  readonly clients: Set<number> = new Set();
  /** How many unknown client ids it introduced, and since when; maintained by the awareness. */
  readonly introduced: { count: number; since: number } = { count: 0, since: 0 };
  /** The first client id that it introduced, which is certain to be the connection's own. */
  ownClient: number | null = null;
  /** The client id that it claims from another owner; maintained by the awareness. */
  claim: number | null = null;
  /** Who writes through it, as reported to the change hooks; `null` if there are none. */
  author: ChangeAuthor | null = null;

  constructor(sink: Sink) {
    this.sink = sink;
  }
}
