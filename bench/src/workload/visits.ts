import type { Endpoint } from "../client/websocket-client.ts";
import { checkConvergence } from "./convergence.ts";
import { Load } from "./load.ts";
import { memberCount, type Workload } from "./workload.ts";

const GROUPS = 10;
const AWAY_MS = 1000;

export interface VisitOptions {
  readonly endpoints: readonly Endpoint[];
  /** The workload of all groups together. */
  readonly workload: Workload;
  /** How long each room is open. */
  readonly visitMs: number;
  readonly totalMs: number;
}

/** Counts of what was done, for a report. */
export class VisitCounts {
  rooms = 0;
  reconnections = 0;
}

/**
 * Runs a workload for a long time without filling the servers: the rooms are in ten groups, and
 * each group in turn leaves and opens new rooms. Meanwhile, its members lose their connection one
 * after the other, and return a second later. Rejects if a room lost anything.
 */
export async function visitInTurn(options: VisitOptions, counts: VisitCounts): Promise<void> {
  const groups = Array.from({ length: GROUPS }, (_, group) => group);
  await Promise.all(groups.map((group) => visitAgainAndAgain(options, group, counts)));
}

async function visitAgainAndAgain(
  { endpoints, workload, visitMs, totalMs }: VisitOptions,
  group: number,
  counts: VisitCounts,
): Promise<void> {
  const startedAt = performance.now();
  const rooms = Math.ceil(workload.rooms / GROUPS);
  // The first visits have different lengths, so that the groups change one after the other.
  let leaveAt = (visitMs * (group + 1)) / GROUPS;
  for (let visits = 0; performance.now() - startedAt < totalMs; visits++) {
    const part = { ...workload, rooms, firstRoom: (visits * GROUPS + group) * rooms };
    await visit(endpoints, part, startedAt + Math.min(leaveAt, totalMs), counts);
    counts.rooms += rooms;
    leaveAt += visitMs;
  }
}

async function visit(
  endpoints: readonly Endpoint[],
  workload: Workload,
  leaveAt: number,
  counts: VisitCounts,
): Promise<void> {
  const load = await Load.join(endpoints, workload);
  const members = memberCount(workload);
  try {
    load.start();
    for (let turn = 0; performance.now() < leaveAt; turn++) {
      await load.reconnect(turn % members, AWAY_MS);
      counts.reconnections++;
    }
    await load.stop();
    for (const endpoint of endpoints) await checkConvergence(endpoint, workload, load.ledger);
  } finally {
    load.leave();
  }
}
