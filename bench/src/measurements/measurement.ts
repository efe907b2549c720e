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
  /** Numbers of clients of the latency measurement, in ascending order. */
  readonly latencyClients: readonly number[];
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

/** A target for this server. */
export type Bar = Target & { readonly text: string };

/** A limit for a value, or for a ratio to the measurement's reference. */
export type Target = TargetFigure & ({ readonly atMost: number } | { readonly atLeast: number });

interface TargetFigure {
  readonly column: string;
  /** The contender that has to reach it; `symphony` if absent. */
  readonly contender?: string;
  readonly of: "value" | "ratio";
  /** The contender that a ratio is to, if not the reference. */
  readonly to?: string;
  /**
   * The smallest and largest of the measurement's numbers of clients to which it applies. It has to
   * be reached at each of them; the report shows the worst value.
   */
  readonly clients?: readonly [number, number];
  /** A target that is enough if this one is missed. */
  readonly or?: Target;
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
  /**
   * The numbers of clients, for a measurement with a row for each of them. Each run finds its own in
   * `settings.clients`. Absent if there is one row per contender.
   */
  clientCounts?(settings: Settings): readonly number[];
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
