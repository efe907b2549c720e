import type { Cell } from "./cell.ts";
import type { Inputs } from "./inputs.ts";
import type { PostgresTraffic } from "./postgres.ts";
import type { RedisTraffic } from "./redis.ts";
import { cellFor } from "./servers.ts";
import type { Placement } from "./spread.ts";
import { type Traffic, trafficOf } from "./traffic.ts";

/**
 * Everything that serves this many clients: one cluster, or several if one database or one Redis
 * cannot carry the load. Each of these cells then has its own rooms, servers and services.
 */
export interface Deployment {
  readonly clients: number;
  readonly placement: Placement;
  readonly cells: number;
  /** The cell that all of them are like. */
  readonly cell: Cell;
  /** The traffic of each cell. */
  readonly traffic: Traffic;
}

/** @throws Error if no number of cells is enough */
export function deploymentFor(inputs: Inputs, clients: number, placement: Placement): Deployment {
  let cells = 1;
  while (cells <= clients) {
    const cell = cellFor(inputs, clients / cells, placement);
    const traffic = trafficOf(cell);
    const share = Math.max(
      databaseShare(inputs, traffic.postgres),
      redisShards(inputs, traffic.redis) / inputs.redisMostShards,
    );
    if (share <= 1) return { clients, placement, cells, cell, traffic };
    cells = Math.ceil(cells * share);
  }
  throw new Error("one client is too much for its own database or Redis: raise their capacities");
}

/** The share of the largest database that is needed; above 1 if it cannot carry the load. */
export function databaseShare(inputs: Inputs, traffic: PostgresTraffic): number {
  return Math.max(
    traffic.commits / inputs.databaseCommits,
    traffic.rows / inputs.databaseRows,
    traffic.connections / inputs.databaseMostConnections,
  );
}

/** How many shards of large nodes are needed, or 0 if one of small nodes is enough. */
export function redisShards(inputs: Inputs, { published, delivered }: RedisTraffic): number {
  const messages = published + delivered;
  return messages <= inputs.smallRedisMessages ? 0 : Math.ceil(messages / inputs.redisMessages);
}
