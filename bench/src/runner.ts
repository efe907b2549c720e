import type { Contender } from "./contenders/contender.ts";
import type { Figures, Measurement, Settings } from "./measurements/measurement.ts";
import type { CpuPlan } from "./process/cpus.ts";
import { describeRow, type MeasurementResult } from "./report/results.ts";
import { Disturbed } from "./workload/disturbed.ts";

export interface RunnerOptions {
  readonly contenders: readonly Contender[];
  readonly settings: Settings;
  readonly runs: number;
  readonly cpus: CpuPlan;
  /** Receives progress messages. */
  readonly progress: (line: string) => void;
}

/** Runs a measurement several times, each time with all contenders in turn. */
export async function runMeasurement(
  measurement: Measurement,
  options: RunnerOptions,
): Promise<MeasurementResult> {
  const { settings, cpus, progress } = options;
  const contenders = options.contenders.filter(
    (contender) =>
      measurement.takesPart(contender) &&
      (contender.measurements?.includes(measurement.name) ?? true),
  );
  const counts = measurement.clientCounts?.(settings) ?? [undefined];
  const results = counts.flatMap((clients) =>
    contenders.map((contender) => new Attempts(contender, clients)),
  );
  const runs = Math.max(options.runs, measurement.minimumRuns);
  for (let run = 1; run <= runs; run++) {
    for (const attempts of results) {
      if (attempts.refused !== undefined) continue;
      progress(`${measurement.name}, run ${run} of ${runs}: ${describeRow(attempts)}`);
      const context = {
        contender: attempts.instance,
        settings: { ...settings, clients: attempts.clients ?? settings.clients },
        cpus,
      };
      await attempts.add(() => measurement.run(context));
      progress(`  ${attempts.last}`);
    }
  }
  return { measurement, description: measurement.describe(settings), contenders: results };
}

const ATTEMPTS = 3;

/** The runs of one contender so far, with one number of clients. */
class Attempts {
  readonly instance: Contender;
  readonly clients: number | undefined;
  readonly runs: (Figures | undefined)[] = [];
  refused: string | undefined;
  disturbed: string | undefined;

  constructor(instance: Contender, clients: number | undefined) {
    this.instance = instance;
    this.clients = clients;
  }

  get contender(): string {
    return this.instance.name;
  }

  /** The result of the last run, as a progress message. */
  get last(): string {
    const figures = this.runs.at(-1);
    if (figures === undefined) return `no figures: ${this.refused ?? this.disturbed}`;
    return Object.entries(figures)
      .map(([key, value]) => `${key} ${value?.toFixed(2) ?? "–"}`)
      .join(", ");
  }

  /** Adds one run. A disturbed run is repeated, and left out after the last attempt. */
  async add(run: () => Promise<Figures>): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        this.runs.push(await run());
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!(error instanceof Disturbed)) {
          this.refused = reason;
          break;
        }
        this.disturbed = reason;
      }
    }
    this.runs.push(undefined);
  }
}
