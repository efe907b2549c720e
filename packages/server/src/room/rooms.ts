import type { Replicator } from "../replication/replicator.ts";
import type { OpenDocument } from "./open-document.ts";

/** One room of this server. It passes from `opening` to `open`, and from there to `leaving`. */
export type Room =
  | { readonly state: "opening"; readonly replicator: Replicator; readonly opened: Promise<Held> }
  | { readonly state: "open"; readonly held: Held }
  | { readonly state: "leaving"; readonly left: Promise<void> };

/** An open document, and what this server does with it. */
export interface Held {
  readonly open: OpenDocument;
  /** How many connections use it or are about to. */
  users: number;
  unloadTimer: NodeJS.Timeout | undefined;
  snapshotDue: number;
}

/** What all documents of a server come to. */
export interface DocumentsUsage {
  readonly opening: number;
  readonly open: number;
  readonly leaving: number;
  /** Rooms that somebody uses. */
  readonly active: number;
  /** Of all logs. */
  readonly bytes: number;
  /** How often another server has something of a document that is still missing here. */
  readonly lagging: number;
}

export function usageOf(rooms: Iterable<Room>): DocumentsUsage {
  const usage = { opening: 0, open: 0, leaving: 0, active: 0, bytes: 0, lagging: 0 };
  for (const current of rooms) {
    usage[current.state]++;
    if (current.state !== "open") continue;
    const { open, users } = current.held;
    if (users > 0) usage.active++;
    usage.bytes += open.document.log.bytes;
    usage.lagging += open.replicator.lagging;
  }
  return usage;
}
