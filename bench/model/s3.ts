import { activeShare } from "./activity.ts";
import type { Cell } from "./cell.ts";

/** Requests for snapshots in a second, and what is kept. */
export interface S3Traffic {
  readonly puts: number;
  readonly gets: number;
  /** How many snapshots are stored. */
  readonly stored: number;
  /** Of all versions that are kept. */
  readonly gigabytes: number;
}

export function s3Traffic({ inputs, activity, spread, openings }: Cell): S3Traffic {
  const { rooms, activeRooms } = activity;
  const regular = (rooms * activeRooms) / inputs.snapshotSeconds;
  const last = openings.first * activeRooms;
  const byOthers = (rooms * spread.shared * (spread.audience - 1)) / inputs.snapshotSeconds;
  const active = activeShare(inputs, inputs.clientsPerRoom / spread.audience);
  // They store now and then, to make room in the journal, and when they let the room go.
  const strangers =
    (byOthers * active) / inputs.otherSnapshotIntervals + openings.joining * activeRooms;
  const stored = regular + last + strangers;
  const keptSeconds = inputs.versionDays * 24 * 3600;
  return {
    // A stranger's write meets a conflict, and so does the next of the holder that always stores:
    // both read, merge and write once more.
    puts: stored + 2 * strangers,
    gets: openings.first + 2 * strangers,
    stored,
    gigabytes: (stored * keptSeconds * inputs.documentKilobytes) / 1e6,
  };
}
