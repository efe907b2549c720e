import type { ChangeAuthor } from "../hooks/hooks.ts";
import type { Frame } from "../protocol/frame.ts";
import { Identity } from "./identity.ts";
import type { Origin } from "./origin.ts";

/** Where the frames for one reader go: a client's socket. */
export interface Sink {
  /** False while what was written before is still waiting; the document is told when it is not. */
  readonly writable: boolean;
  /** Whether it takes presence in any case: it is not writable because it sends parts of a document. */
  readonly takesAwareness?: boolean;
  /**
   * Never throws. What is written to an outlet that has closed is dropped.
   *
   * @param known the state vector for which an answer was made; without it, that of a new client
   */
  write(frames: readonly Frame[], known?: Uint8Array): void;
  /**
   * Asks the client for a sign of life, which carries this number; the document is told of the answer.
   * Missing for readers of this process: these do not come back on another connection.
   */
  prove?(number: number): void;
  /**
   * For how long the client has owed an answer, in milliseconds; 0 when it owes none. Code of this
   * process, which is always there, has neither this nor `check`.
   */
  readonly silentFor?: number;
  /**
   * Finds out whether the client is still there; ends the connection if it is not.
   *
   * @param onAlive is called when it is; some functions wait at most, others are not called
   */
  probe(onAlive: () => void): void;
  /** Asks the client for a sign of life. @returns whether it gave one when it was asked before */
  check?(): boolean;
  /** Charges the client for what was done for it later than its message was handled, in milliseconds. */
  charge?(ms: number): void;
  /** Ends it. Whoever reads is told why. */
  close(reason: Error): void;
}

/**
 * One reader of a document: how far its client has got. Readers that are behind cost nothing: what
 * they lack is in the log, and in the presence map.
 */
export class Subscriber {
  readonly sink: Sink;
  /** Of what its client writes. */
  readonly origin: Origin = { kind: "session", subscriber: this };
  /**
   * What others wrote below this offset has been sent. `null` until the client has said what it
   * has; until then it is sent no updates.
   */
  cursor: number | null = null;
  /** The offset of its client's first update that is not durable. */
  pendingFrom = Number.POSITIVE_INFINITY;
  /** Tells its client apart from those of other readers. */
  readonly identity: Identity = new Identity();
  /** From this offset on, updates that may be its own client's were left out and are still owed. */
  owedFrom = Number.POSITIVE_INFINITY;
  /** Whose updates were left out because they may be its own client; `null` when nobody's were. */
  suspects: Set<Subscriber> | null = null;
  /** Presence up to this version has been sent; `null`: none yet, and none is sent. */
  awarenessVersion: number | null = 0;
  /** Whether it is to be shown all who are present when its outlet is writable again. */
  isOwedAwareness = false;
  /** The client ids whose presence this connection introduced. */
  readonly clients: Set<number> = new Set();
  /** How many client ids that nobody knew it introduced, since when. The presence keeps it. */
  readonly introduced: { count: number; since: number } = { count: 0, since: 0 };
  /** The first client id that it introduced: it is surely the connection's own. */
  ownClient: number | null = null;
  /** The client id that it claims, while that belongs to somebody else. The presence keeps it. */
  claim: number | null = null;
  /** Who writes by it, for those who are told of changes; `null` when nobody is. */
  author: ChangeAuthor | null = null;

  constructor(sink: Sink) {
    this.sink = sink;
  }
}
