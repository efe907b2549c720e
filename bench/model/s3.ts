import { activeShare } from "./activity.ts";
import type { Cell } from "./cell.ts";

/** Requests for snapshots per second, and what is stored. */
export interface S3Traffic {
  readonly puts: number;
  readonly gets: number;
  /** How many snapshots are stored. */
  readonly stored: number;
  /** Including all versions that are kept. */
  readonly gigabytes: number;
}

export function s3Traffic({ inputs, activity, spread, openings }: Cell): S3Traffic {
  const { rooms, activeRooms } = activity;
  const regular = (rooms * activeRooms) / inputs.snapshotSeconds;
  const last = openings.first * activeRooms;
  const byOthers = (rooms * spread.shared * (spread.audience - 1)) / inputs.snapshotSeconds;
  const active = activeShare(inputs, inputs.clientsPerRoom / spread.audience);
  // Other holders rarely store: to free space in the journal, and when they unload the room.
  const strangers =
    (byOthers * active) / inputs.otherSnapshotIntervals + openings.joining * activeRooms;
  const stored = regular + last + strangers;
  const keptSeconds = inputs.versionDays * 24 * 3600;
  return {
    // Such a write meets a conflict, and so does the next one of the holder that usually stores:
    // both read, merge and write again.
    puts: stored + 2 * strangers,
    gets: openings.first + 2 * strangers,
    stored,
    gigabytes: (stored * keptSeconds * inputs.documentKilobytes) / 1e6,
  };
}
