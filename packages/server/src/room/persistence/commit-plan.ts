import type { JournalId, JournalRow } from "../../storage/journal.ts";
import type { Log } from "../log/log.ts";
import type { JournaledRow } from "./persistence.ts";

/** This much of each room goes into a commit before anything larger does. */
const SMALL_BYTES = 16 * 1024;
/** Lower and upper bound of the size limit of a commit. */
const LEAST_BYTES = 1024 * 1024;
const MOST_BYTES = 8 * 1024 * 1024;
const FIRST_BYTES = 2 * 1024 * 1024;
/**
 * When a commit is durable, the event loop records each run of structs in it, which takes about a
 * microsecond. Once the large updates of a commit exceed this many runs, no further update is added.
 */
const MOST_JOINTS = 8_000;
/** How much longer than a small commit a large one may take, as small updates wait for it. */
const MOST_MS = 40;
/** If a full commit takes less extra time than this, the next one may be larger. */
const SHORT_MS = 15;
/** Commits smaller than this reveal the base latency of the journal. */
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
  /** Called when updates of the room have become durable. */
  committed(commit: RoomCommit): void;
  /** Sends its subscribers what they lack. */
  flush(): void;
}

/** The contents of one commit. */
export interface Commit {
  readonly rows: readonly JournalRow[];
  /** For each row, its room and the log offset up to which it reaches. */
  readonly sources: readonly { readonly room: JournaledRoom; readonly end: number }[];
  readonly bytes: number;
  /** Rooms with updates left over; those that got no turn come first. */
  readonly rest: readonly JournaledRoom[];
}

/**
 * Decides what goes into the next commit. Small updates of all rooms go first, so that typing does not
 * wait for other clients' uploads; large ones take turns with the remaining space. The size limit of a
 * commit adapts to the speed of the journal.
 */
export class CommitPlan {
  #limit = FIRST_BYTES;
  /** Average duration of small commits, in milliseconds. */
  #latency = 0;

  next(rooms: readonly JournaledRoom[]): Commit {
    const rows: JournalRow[] = [];
    const sources: { room: JournaledRoom; end: number }[] = [];
    let bytes = 0;
    let joints = 0;
    let isFull = false;
    const waiting: JournaledRoom[] = [];
    const served: JournaledRoom[] = [];
    /** @returns the offset up to which the room's updates are in the commit */
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

  /** Reports the size and duration of a commit, which adjusts the size limit. */
  took(bytes: number, ms: number): void {
    if (bytes < LATENCY_BYTES) this.#latency += LATENCY_WEIGHT * (ms - this.#latency);
    if (bytes < this.#limit) return;
    const extra = ms - this.#latency;
    if (extra > MOST_MS) this.#limit = Math.max(LEAST_BYTES, this.#limit / 2);
    else if (extra < SHORT_MS) this.#limit = Math.min(MOST_BYTES, this.#limit * 2);
  }
}

/** Splits a written commit by room. @param ids what the journal returned for its rows */
export function commitsByRoom(
  sources: Commit["sources"],
  ids: readonly JournalId[],
): Map<JournaledRoom, { readonly rows: JournaledRow[]; end: number }> {
  const commits = new Map<JournaledRoom, { readonly rows: JournaledRow[]; end: number }>();
  sources.forEach(({ room, end }, i) => {
    const commit = commits.get(room) ?? { rows: [], end };
    commits.set(room, commit);
    commit.end = end;
    const id = ids[i];
    if (id !== undefined) commit.rows.push({ id, end });
  });
  return commits;
}
