import { activityOf } from "./activity.ts";
import type { Cell } from "./cell.ts";
import type { Inputs } from "./inputs.ts";
import { openingsOf } from "./openings.ts";
import { redisTraffic } from "./redis.ts";
import { s3Traffic } from "./s3.ts";
import { type Placement, spreadOf } from "./spread.ts";

/**
 * Returns as many servers as the clients need. More servers spread rooms more, which costs work, so
 * the number is raised until it also covers the work that it causes itself.
 *
 * @throws Error if it never does
 */
export function cellFor(inputs: Inputs, clients: number, placement: Placement): Cell {
  let servers = inputs.leastServers;
  while (servers <= clients + inputs.leastServers) {
    const cell = cellOf(inputs, clients, placement, servers);
    const needed = serversNeeded(cell);
    if (needed <= servers) return cell;
    servers = needed;
  }
  throw new Error("one client needs more than one server: lower its cost, or raise cpuTarget");
}

/** The cell with this number of servers, whether that is enough or not. */
export function cellOf(
  inputs: Inputs,
  clients: number,
  placement: Placement,
  servers: number,
): Cell {
  const activity = activityOf(inputs, clients);
  const spread = spreadOf(inputs, placement, servers);
  return { inputs, activity, spread, openings: openingsOf(inputs, activity, spread), servers };
}

function serversNeeded(cell: Cell): number {
  const { inputs, activity } = cell;
  return Math.max(
    inputs.leastServers,
    Math.ceil(busyCores(cell) / inputs.cpuTarget),
    Math.ceil(memoryNeeded(cell)),
    Math.ceil(activity.clients / inputs.socketsPerServer),
  );
}

/** The number of cores that all servers together keep busy. */
export function busyCores(cell: Cell): number {
  const { inputs, activity } = cell;
  const { published, delivered } = redisTraffic(cell);
  const micros =
    activity.deliveries * inputs.deliveryMicros +
    activity.joins * inputs.joinMicros +
    published * inputs.publishMicros +
    delivered * inputs.receiveMicros +
    s3Traffic(cell).stored * inputs.snapshotMicros;
  return micros / 1e6;
}

/** In servers. */
function memoryNeeded({ inputs, activity, spread }: Cell): number {
  const { serverMemoryMebibytes, memoryTarget, serverMebibytes } = inputs;
  const documentBytes = inputs.documentKilobytes * 1000 * inputs.documentRatio;
  const bytes =
    activity.clients * inputs.connectionKibibytes * 1024 +
    activity.rooms * spread.holders * documentBytes;
  const forRooms = serverMemoryMebibytes * memoryTarget - serverMebibytes;
  if (forRooms <= 0) throw new Error("a server without clients needs more memory than it may use");
  return bytes / (forRooms * 1024 * 1024);
}
