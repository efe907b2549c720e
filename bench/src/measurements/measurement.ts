import type { Contender } from "../contenders/contender.ts";
import type { CpuPlan } from "../process/cpus.ts";

/** The sizes that a user may choose. */
export interface Settings {
  /** Of the case study and the acknowledgement. */
  readonly clients: number;
  /** Of the small case study. */
  readonly smallClients: number;
  /** Of the rooms spread over several servers. */
  readonly spreadClients: number;
  /** Of each process of the scaling. */
  readonly scalingClients: number;
  /** Of the idle measurement. */
  readonly connections: number;
  /** Of the open documents. */
  readonly documents: number;
  /** Of the many rooms. */
  readonly rooms: number;
  /** Rooms of the crowd. */
  readonly crowdRooms: number;
  readonly drawingClients: number;
  readonly stormClients: number;
  readonly soakMinutes: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
}

export interface RunContext {
  readonly contender: Contender;
  readonly settings: Settings;
  readonly cpus: CpuPlan;
}

/** One run's results by column key; undefined where the contender has no such thing. */
export type Figures<Key extends string = string> = Readonly<Record<Key, number | undefined>>;

export interface Column {
  readonly key: string;
  /** With the unit. */
  readonly label: string;
  readonly digits: number;
  /** Adds a column with the ratio to the reference of the same run. */
  readonly compared?: boolean;
}

/** What this server has to reach: a value, or a ratio to the reference of the measurement. */
export type Bar = BarFigure & ({ readonly atMost: number } | { readonly atLeast: number });

interface BarFigure {
  readonly text: string;
  readonly column: string;
  /** Who has to reach it; `symphony` when absent. */
  readonly contender?: string;
  readonly of: "value" | "ratio";
  /** Whose figure a ratio is to, when it is not the reference. */
  readonly to?: string;
}

export interface Measurement {
  readonly name: string;
  readonly title: string;
  /** The contender with which the others are compared; `y-websocket-server` when absent. */
  readonly reference?: string;
  readonly columns: readonly Column[];
  readonly bars: readonly Bar[];
  /** More runs than the user asked for, where runs are short and vary. */
  readonly minimumRuns: number;
  /** It takes so long that it only runs when it is named. */
  readonly onlyWhenNamed?: boolean;
  /** What is done, with the numbers of this run, for the report. */
  describe(settings: Settings): string;
  takesPart(contender: Contender): boolean;
  /** What a reader has to know about a run with these figures; undefined when there is nothing. */
  remark?(figures: Figures): string | undefined;
  /**
   * One run on a fresh server. Rejects, with the reason, when anything was lost or the workload could
   * not be offered: such a run has no figures.
   */
  run(context: RunContext): Promise<Figures>;
}
