import { activeShare } from "./activity.ts";
import type { Cell } from "./cell.ts";

/** What Redis carries per second. */
export interface RedisTraffic {
  /** Messages that servers publish. */
  readonly published: number;
  /** Messages that servers receive: each goes to all holders, including the publisher. */
  readonly delivered: number;
  readonly bytes: number;
}

export function redisTraffic(cell: Cell): RedisTraffic {
  const { inputs, activity, spread, openings } = cell;
  const actions = (activity.updates + activity.presence) * spread.shared;
  // A server that opens a room announces it, and the others answer; it also announces when it
  // leaves.
  const greetings = openings.joining * (1 + (spread.audience - 1) + 1);
  const among = actions + beats(cell) + greetings;
  const toNobody = openings.first;
  const published = among + toNobody;
  const delivered = among * spread.audience + toNobody;
  // Most messages are presence, which is also the larger kind.
  const messageBytes =
    inputs.busHeaderBytes + inputs.packetBytes + Math.max(inputs.updateBytes, inputs.presenceBytes);
  return { published, delivered, bytes: (published + delivered) * messageBytes };
}

/** Each holder of a shared room announces its sequence number; more often after changes. */
function beats({ inputs, activity, spread }: Cell): number {
  const holders = activity.rooms * spread.shared * spread.audience;
  const active = activeShare(inputs, inputs.clientsPerRoom / spread.audience);
  return holders * (active / inputs.confirmSeconds + (1 - active) / inputs.beatSeconds);
}
