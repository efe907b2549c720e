import { randomNumbers } from "../src/workload/random.ts";
import type { Query } from "./queries.ts";

/** The durations of a query, in milliseconds. */
export interface Timing {
  readonly name: string;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Runs a query repeatedly, one run after the other, each with different parameters. */
export async function measure(query: Query, runs: number): Promise<Timing> {
  const random = randomNumbers(1);
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const begin = performance.now();
    await query.run(random());
    times.push(performance.now() - begin);
  }
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.ceil(share * runs) - 1] ?? Number.NaN;
  return { name: query.name, p50: at(0.5), p95: at(0.95), max: at(1) };
}
