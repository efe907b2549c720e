import type { Inputs } from "./inputs.ts";

/** How the load balancer picks a server. */
export type Placement = "affinity" | "round robin";

export const PLACEMENTS: readonly Placement[] = ["affinity", "round robin"];

/** How rooms are spread over servers. */
export interface Spread {
  /** How many servers hold a room, on average. */
  readonly holders: number;
  /** The share of rooms that several servers hold. */
  readonly shared: number;
  /** How many servers hold such a room, on average. */
  readonly audience: number;
  /** The probability that a client joining a room in use reaches a server that does not hold it. */
  readonly moves: number;
}

export function spreadOf(inputs: Inputs, placement: Placement, servers: number): Spread {
  const { clientsPerRoom, misplacedShare } = inputs;
  if (placement === "affinity") {
    const shared = clientsPerRoom > 1 && servers > 1 ? misplacedShare : 0;
    return summary([1 - shared, shared], 0);
  }
  const nobodyElseIsThere = (1 - 1 / servers) ** (clientsPerRoom - 1);
  return summary(holderShares(clientsPerRoom, servers), nobodyElseIsThere);
}

/**
 * Returns the shares of rooms held by 1, 2, … servers, if each member of a room lands on any
 * server. Members are placed one by one; each reaches a server that already holds the room, or
 * another one.
 */
export function holderShares(members: number, servers: number): readonly number[] {
  let shares: readonly number[] = [1];
  for (let member = 2; member <= members; member++) {
    shares = Array.from(
      { length: Math.min(member, servers) },
      (_, i) => (shares[i] ?? 0) * ((i + 1) / servers) + (shares[i - 1] ?? 0) * (1 - i / servers),
    );
  }
  return shares;
}

function summary(shares: readonly number[], moves: number): Spread {
  const holders = shares.reduce((sum, share, i) => sum + share * (i + 1), 0);
  const alone = shares[0] ?? 0;
  const shared = 1 - alone;
  return { holders, shared, audience: shared > 0 ? (holders - alone) / shared : 1, moves };
}
