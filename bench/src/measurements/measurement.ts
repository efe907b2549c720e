import type { Contender } from "../contenders/contender.ts";
import type { CpuPlan } from "../process/cpus.ts";

/** The sizes that a user may choose. */
export interface Settings {
  /** Of the case study. */
  readonly clients: number;
  /** Of the idle measurement. */
  readonly connections: number;
  /** Of the open documents. */
  readonly documents: number;
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

/** What this server has to reach. */
export interface Bar {
  readonly text: string;
  readonly column: string;
  readonly of: "value" | "ratio";
  readonly atMost: number;
}

export interface Measurement {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly bars: readonly Bar[];
  /** More runs than the user asked for, where runs are short and vary. */
  readonly minimumRuns: number;
  /** What is done, with the numbers of this run, for the report. */
  describe(settings: Settings): string;
  takesPart(contender: Contender): boolean;
  /**
   * One run on a fresh server. Rejects, with the reason, when anything was lost or the workload could
   * not be offered: such a run has no figures.
   */
  run(context: RunContext): Promise<Figures>;
}
