import type { Logger } from "pino";
import type { AccessControl } from "../auth/access.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import type { FairTurns } from "./fair-turns.ts";
import type { LargeAnswers } from "./large-answers.ts";
import type { LargeUpdates } from "./large-updates.ts";
import type { LoopBudgets } from "./loop-budget.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { Refusals } from "./refusals.ts";
import type { SharedParts } from "./shared-parts.ts";
import type { UnfinishedMessages } from "./unfinished-messages.ts";

/** The server's parts that a connection uses. */
export interface ConnectionServices {
  readonly rooms: RoomTable;
  readonly access: AccessControl;
  readonly stats: ConnectionStats;
  readonly unfinished: UnfinishedMessages;
  readonly parts: SharedParts;
  readonly partTurns: FairTurns;
  readonly guard: MemoryGuard;
  readonly largeAnswers: LargeAnswers;
  readonly largeUpdates: LargeUpdates;
  readonly logger: Logger;
  readonly maxMessagesPerSecond: number;
  readonly loopBudgets: LoopBudgets;
  readonly maxConnectionsPerRoom: number;
  /** Counts the sweeps of the gateway, to measure how long a client has been sent nothing. */
  readonly sweeps: { readonly count: number };
  /** The number of connections to a room on this server. */
  readonly connectionsOf: (room: string) => number;
  readonly refusals: Refusals;
}
