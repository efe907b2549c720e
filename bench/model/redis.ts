import { activeShare } from "./activity.ts";
import type { Cell } from "./cell.ts";

/** What Redis carries in a second. */
export interface RedisTraffic {
  /** Messages that servers publish. */
  readonly published: number;
  /** Messages that servers get: each goes to all holders, also to the one that published it. */
  readonly delivered: number;
  readonly bytes: number;
}

export function redisTraffic(cell: Cell): RedisTraffic {
  const { inputs, activity, spread, openings } = cell;
  const actions = (activity.updates + activity.presence) * spread.shared;
  // A server that opens a room says so, the others answer; it also says when it leaves them.
  const greetings = openings.joining * (1 + (spread.audience - 1) + 1);
  const among = actions + beats(cell) + greetings;
  const toNobody = openings.first;
  const published = among + toNobody;
  const delivered = among * spread.audience + toNobody;
  // Most of it is presence, and that is the larger one.
  const messageBytes =
    inputs.busHeaderBytes + inputs.packetBytes + Math.max(inputs.updateBytes, inputs.presenceBytes);
  return { published, delivered, bytes: (published + delivered) * messageBytes };
}

/** Each holder of a shared room tells how far it has counted; more often after changes. */
function beats({ inputs, activity, spread }: Cell): number {
  const holders = activity.rooms * spread.shared * spread.audience;
  const active = activeShare(inputs, inputs.clientsPerRoom / spread.audience);
  return holders * (active / inputs.confirmSeconds + (1 - active) / inputs.beatSeconds);
}
