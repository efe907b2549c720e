import type { Contender } from "./contenders/contender.ts";
import type { Figures, Measurement, Settings } from "./measurements/measurement.ts";
import type { CpuPlan } from "./process/cpus.ts";
import type { MeasurementResult } from "./report/results.ts";
import { GeneratorLate } from "./workload/generator-late.ts";

export interface RunnerOptions {
  readonly contenders: readonly Contender[];
  readonly settings: Settings;
  readonly runs: number;
  readonly cpus: CpuPlan;
  /** Hears what is being done now. */
  readonly progress: (line: string) => void;
}

/** Runs a measurement several times, each time with every contender in turn. */
export async function runMeasurement(
  measurement: Measurement,
  options: RunnerOptions,
): Promise<MeasurementResult> {
  const { settings, cpus, progress } = options;
  const contenders = options.contenders.filter((contender) => measurement.takesPart(contender));
  const results = contenders.map((contender) => new Attempts(contender));
  const runs = Math.max(options.runs, measurement.minimumRuns);
  for (let run = 1; run <= runs; run++) {
    for (const attempts of results) {
      if (attempts.refused !== undefined) continue;
      progress(`${measurement.name}, run ${run} of ${runs}: ${attempts.contender}`);
      const context = { contender: attempts.instance, settings, cpus };
      await attempts.add(() => measurement.run(context));
      progress(`  ${attempts.last}`);
    }
  }
  return { measurement, description: measurement.describe(settings), contenders: results };
}

const ATTEMPTS = 3;

class Attempts {
  readonly instance: Contender;
  readonly runs: Figures[] = [];
  refused: string | undefined;

  constructor(instance: Contender) {
    this.instance = instance;
  }

  get contender(): string {
    return this.instance.name;
  }

  get last(): string {
    const figures = Object.entries(this.runs.at(-1) ?? {}).map(
      ([key, value]) => `${key} ${value?.toFixed(2) ?? "–"}`,
    );
    return this.refused === undefined ? figures.join(", ") : `no figures: ${this.refused}`;
  }

  /** One run, tried again when only the load generator failed. */
  async add(run: () => Promise<Figures>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.runs.push(await run());
        return;
      } catch (error) {
        if (error instanceof GeneratorLate && attempt < ATTEMPTS) continue;
        this.refused = error instanceof Error ? error.message : String(error);
        return;
      }
    }
  }
}
