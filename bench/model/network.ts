import type { Deployment } from "./deployment.ts";
import type { Inputs } from "./inputs.ts";

/** Bytes per second in a cell, including packet overhead. */
export interface Network {
  readonly fromClients: number;
  readonly toClients: number;
  /** As load balancers count: without packet overhead. */
  readonly balanced: number;
  /** Documents that servers fetch from each other. */
  readonly betweenServers: number;
  readonly redis: number;
  readonly postgres: number;
}

export function networkOf({ cell, traffic }: Deployment): Network {
  const { inputs, activity, openings } = cell;
  const { packetBytes, journalRowBytes, documentKilobytes } = inputs;
  return {
    fromClients: activity.bytesUp + activity.messagesUp * packetBytes,
    toClients: activity.bytesDown + activity.messagesDown * packetBytes + joined(inputs, activity),
    balanced: activity.bytesUp + activity.bytesDown + joined(inputs, activity),
    betweenServers: openings.joining * documentKilobytes * 1000,
    redis: traffic.redis.bytes,
    postgres: traffic.postgres.rows * journalRowBytes,
  };
}

/** The documents that joining clients get. */
function joined(inputs: Inputs, { joins }: { readonly joins: number }): number {
  return joins * inputs.documentKilobytes * 1000;
}
