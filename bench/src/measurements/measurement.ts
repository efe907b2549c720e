import type { Contender } from "../contenders/contender.ts";
import type { CpuPlan } from "../process/cpus.ts";

/** The sizes that a user may set. */
export interface Settings {
  /** Clients of the case study and the acknowledgement. */
  readonly clients: number;
  /** Clients of the small case study. */
  readonly smallClients: number;
  /** Clients of the rooms spread over several servers. */
  readonly spreadClients: number;
  /** Clients per process of the scaling measurement. */
  readonly scalingClients: number;
  /** Connections of the idle measurement. */
  readonly connections: number;
  /** Documents of the open-documents measurement. */
  readonly documents: number;
  /** Rooms of the many-rooms measurement. */
  readonly rooms: number;
  /** Rooms of the crowd measurement. */
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

/** One run's results by column key; undefined where a column does not apply to the contender. */
export type Figures<Key extends string = string> = Readonly<Record<Key, number | undefined>>;

export interface Column {
  readonly key: string;
  /** Includes the unit. */
  readonly label: string;
  readonly digits: number;
  /** Adds a column with the ratio to the reference in the same run. */
  readonly compared?: boolean;
}

/** A target for this server: a value, or a ratio to the measurement's reference. */
export type Bar = BarFigure & ({ readonly atMost: number } | { readonly atLeast: number });

interface BarFigure {
  readonly text: string;
  readonly column: string;
  /** The contender that has to reach it; `symphony` if absent. */
  readonly contender?: string;
  readonly of: "value" | "ratio";
  /** The contender that a ratio is to, if not the reference. */
  readonly to?: string;
}

export interface Measurement {
  readonly name: string;
  readonly title: string;
  /** The contender that the others are compared with; `y-websocket-server` if absent. */
  readonly reference?: string;
  readonly columns: readonly Column[];
  readonly bars: readonly Bar[];
  /** The minimum number of runs, for short runs that vary. */
  readonly minimumRuns: number;
  /** Takes so long that it only runs if named. */
  readonly onlyWhenNamed?: boolean;
  /** Describes for the report what is done, with the numbers of this run. */
  describe(settings: Settings): string;
  takesPart(contender: Contender): boolean;
  /** What a reader has to know about a run with these figures, if anything. */
  remark?(figures: Figures): string | undefined;
  /**
   * One run on a fresh server. Rejects with the reason if anything was lost or the workload could
   * not be generated: such a run has no figures.
   */
  run(context: RunContext): Promise<Figures>;
}
