import type { JournalRow } from "../storage/journal.ts";
import type { Log } from "./log.ts";
import type { JournaledRow } from "./persistence.ts";

/** Of each document, this much goes into a commit before anything larger does. */
const SMALL_BYTES = 16 * 1024;
/** What one commit takes, at least and at most. */
const LEAST_BYTES = 1024 * 1024;
const MOST_BYTES = 8 * 1024 * 1024;
const FIRST_BYTES = 2 * 1024 * 1024;
/**
 * When a commit is durable, the event loop notes each run of structs in it, which takes about a
 * microsecond. Larger updates together hold no more runs than this, and one update more.
 */
const MOST_JOINTS = 8_000;
/** By this much a large commit may take longer than small ones do: a small update waits for it. */
const MOST_MS = 40;
/** When a full one takes only this much longer, the next may be larger. */
const SHORT_MS = 15;
/** How long a commit takes whatever is in it shows in those that take less. */
const LATENCY_BYTES = 64 * 1024;
const LATENCY_WEIGHT = 0.2;

/** The part of a commit that belongs to one room. */
export interface RoomCommit {
  readonly rows: readonly JournaledRow[];
  /** Everything below this offset is durable. */
  readonly end: number;
}

/** A room, as the journal sees it. */
export interface JournaledRoom {
  readonly name: string;
  readonly log: Log;
  /** Its updates are durable. */
  committed(commit: RoomCommit): void;
  /** Sends its subscribers what they lack. */
  flush(): void;
}

/** What goes into one commit. */
export interface Commit {
  readonly rows: readonly JournalRow[];
  /** For each row, whose it is and up to which offset of the log it reaches. */
  readonly sources: readonly { readonly room: JournaledRoom; readonly end: number }[];
  readonly bytes: number;
  /** Those of which something is left, the ones that had to wait first. */
  readonly rest: readonly JournaledRoom[];
}

/**
 * Decides what the next commit takes. Small updates of all documents go first, so that somebody who
 * types does not wait until others' uploads are written; large ones share what is left in turn. How
 * much a commit takes follows from how fast the journal is.
 */
export class CommitPlan {
  #limit = FIRST_BYTES;
  /** Of small commits, in milliseconds. */
  #latency = 0;

  next(rooms: readonly JournaledRoom[]): Commit {
    const rows: JournalRow[] = [];
    const sources: { room: JournaledRoom; end: number }[] = [];
    let bytes = 0;
    let joints = 0;
    let isFull = false;
    const waiting: JournaledRoom[] = [];
    const served: JournaledRoom[] = [];
    /** @returns the offset up to which the document's updates are in the commit */
    const take = (room: JournaledRoom, from: number, isLarge: boolean): number => {
      const { log, name } = room;
      let taken = 0;
      let reached = from;
      for (const { origin, update, end, joints: more } of log.entries(from, log.end)) {
        if (origin.kind !== "remote") {
          if (!isLarge && taken + update.length > SMALL_BYTES) return reached;
          if (bytes >= this.#limit || joints >= MOST_JOINTS) {
            isFull = true;
            return reached;
          }
          rows.push({ room: name, update });
          sources.push({ room, end });
          taken += update.length;
          bytes += update.length;
          if (isLarge && Number.isFinite(more)) joints += more;
        }
        reached = end;
      }
      return reached;
    };
    const large: { readonly room: JournaledRoom; readonly from: number }[] = [];
    for (const room of rooms) {
      const { log } = room;
      const reached = take(room, log.durable, false);
      if (reached < log.end) large.push({ room, from: reached });
    }
    for (const { room, from } of large) {
      const reached = isFull ? from : take(room, from, true);
      if (reached >= room.log.end) continue;
      (reached > from ? served : waiting).push(room);
    }
    return { rows, sources, bytes, rest: [...waiting, ...served] };
  }

  /** A commit of this much has taken that long. */
  took(bytes: number, ms: number): void {
    if (bytes < LATENCY_BYTES) this.#latency += LATENCY_WEIGHT * (ms - this.#latency);
    if (bytes < this.#limit) return;
    const extra = ms - this.#latency;
    if (extra > MOST_MS) this.#limit = Math.max(LEAST_BYTES, this.#limit / 2);
    else if (extra < SHORT_MS) this.#limit = Math.min(MOST_BYTES, this.#limit * 2);
  }
}
