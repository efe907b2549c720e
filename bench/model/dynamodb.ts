import type { Cell } from "./cell.ts";

/** Requests to the registry per second. */
export interface DynamoTraffic {
  readonly requests: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  /** The read units for checking whether other servers are alive. */
  readonly leaseChecks: number;
}

export function dynamoTraffic(cell: Cell): DynamoTraffic {
  const { inputs, spread, openings, servers } = cell;
  const renewals = servers / inputs.leaseSeconds;
  // Unloading a room that others hold takes two: the first write assumes that there are none.
  const writes = renewals + 2 * openings.first + 3 * openings.joining;
  const others = neighbours(cell);
  const checks = servers / inputs.leaseCheckSeconds;
  const leaseChecks = checks * others;
  return {
    requests: writes + openings.joining + checks * Math.ceil(others / inputs.leaseBatch),
    writeUnits: writes,
    readUnits: openings.joining * (spread.audience - 1) + leaseChecks,
    leaseChecks,
  };
}

/** The number of other servers that one server shares rooms with. */
function neighbours({ activity, spread, servers }: Cell): number {
  const others = servers - 1;
  if (others === 0) return 0;
  const sharedRooms = (activity.rooms * spread.shared * spread.audience) / servers;
  const meetings = sharedRooms * (spread.audience - 1);
  return others * (1 - Math.exp(-meetings / others));
}
