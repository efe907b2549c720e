import type { ChangeAuthor } from "../hooks/hooks.ts";
import type { Frame } from "../protocol/frame.ts";

/** Where the frames for one reader go: a client's socket. */
export interface Outlet {
  /** False while what was written before is still waiting; the document is told when it is not. */
  readonly writable: boolean;
  /** Never throws. What is written to an outlet that has closed is dropped. */
  write(frames: readonly Frame[]): void;
  /** Finds out whether the client is still there; ends the connection if it is not. */
  probe(): void;
  /** Ends it. Whoever reads is told why. */
  close(reason: Error): void;
}

/**
 * One reader of a document: how far its client has got. Readers that are behind cost nothing: what
 * they lack is in the log, and in the presence map.
 */
export class Reader {
  readonly outlet: Outlet;
  /**
   * What others wrote below this offset has been sent. `null` until the client has said what it
   * has; until then it is sent no updates.
   */
  cursor: number | null = null;
  /** The offset of its client's first update that is not durable. */
  pendingFrom = Number.POSITIVE_INFINITY;
  /** From this offset on, updates of its own client were left out and are still to be sent back. */
  owedFrom = Number.POSITIVE_INFINITY;
  /** Presence up to this version has been sent. */
  presenceVersion = 0;
  /** The client ids whose presence this connection introduced. */
  readonly clients: Set<number> = new Set();
  /** How many client ids that nobody knew it introduced, since when. The presence keeps it. */
  readonly introduced: { count: number; since: number } = { count: 0, since: 0 };
  /** The first client id that it introduced: it is surely the connection's own. */
  ownClient: number | null = null;
  /** Who writes by it, for those who are told of changes; `null` when nobody is. */
  author: ChangeAuthor | null = null;

  constructor(outlet: Outlet) {
    this.outlet = outlet;
  }
}
