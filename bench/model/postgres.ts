import type { Cell } from "./cell.ts";
import { s3Traffic } from "./s3.ts";

/** What the database does per second, and what it stores. */
export interface PostgresTraffic {
  readonly commits: number;
  /** Rows of the journal, counted again when deleted, and of the metadata. */
  readonly rows: number;
  readonly connections: number;
  readonly gigabytes: number;
}

export function postgresTraffic(cell: Cell): PostgresTraffic {
  const { inputs, activity, openings, servers } = cell;
  const { stored } = s3Traffic(cell);
  const events = 2 * activity.joins + openings.first + openings.joining + stored;
  const { gatherMilliseconds, metadataMilliseconds, commitMilliseconds } = inputs;
  const journal = groupCommits(
    activity.updates / servers,
    (gatherMilliseconds + commitMilliseconds) / 1000,
  );
  const metadata = groupCommits(
    events / servers,
    (metadataMilliseconds + commitMilliseconds) / 1000,
  );
  const records = activity.joins * inputs.connectionRecordDays * 24 * 3600;
  return {
    // The journal is truncated after each snapshot.
    commits: servers * (journal + metadata) + stored,
    rows: activity.updates + events,
    connections: servers * inputs.databaseConnections,
    gigabytes: (records * inputs.connectionRowBytes) / 1e9,
  };
}

/**
 * The number of commits per second of one writer, if events arrive at random times and a commit
 * takes everything that arrived during the previous one. The next begins after `period` seconds, or
 * when something arrives.
 */
export function groupCommits(perSecond: number, period: number): number {
  if (perSecond === 0) return 0;
  const idle = Math.exp(-perSecond * period) / perSecond;
  return 1 / (period + idle);
}
