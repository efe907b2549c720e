import { setTimeout as delay } from "node:timers/promises";
import { CpuMeter } from "../process/cpu-meter.ts";
import { residentBytes } from "../process/sampler.ts";
import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { VisitCounts, visitInTurn } from "../workload/visits.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

const MEBIBYTE = 1024 * 1024;
const SAMPLE_MS = 1000;

/** Splits the time into parts as long as a room is open. Memory is averaged over one part. */
const PARTS = 12;
const WARM_UP_PARTS = 2;

interface Memory {
  readonly warm: number;
  readonly end: number;
}

export const soak: Measurement = {
  name: "soak",
  title: "Soak",
  onlyWhenNamed: true,
  columns: [
    { key: "warm", label: "RSS MiB after warm-up", digits: 1 },
    { key: "end", label: "at the end", digits: 1 },
    { key: "growth", label: "end ÷ after warm-up", digits: 3 },
    { key: "rooms", label: "rooms opened", digits: 0 },
    { key: "reconnections", label: "members who came back", digits: 0 },
    { key: "serverBusy", label: "server % of a core", digits: 1 },
    { key: "generatorBusy", label: "generator % of a core", digits: 1 },
  ],
  bars: [
    {
      text: "memory at the end within 5 % of that after warm-up",
      column: "growth",
      of: "value",
      atMost: 1.05,
    },
  ],
  minimumRuns: 1,
  takesPart: (contender) => contender.keepsState,
  describe: ({ clients, soakMinutes }) =>
    `For ${soakMinutes} minutes: ${describeCaseStudy(clients)} A tenth of them at a time close their ` +
    `documents and open new ones, so that each is open for ${minutes(soakMinutes / PARTS)}; before ` +
    "that, the run checks that nothing was lost. In each tenth, one member after the other loses its " +
    "connection and returns a second later with what it typed meanwhile. Memory after warm-up is the " +
    `mean of ${minutes(soakMinutes / PARTS)} after the first ` +
    `${minutes((soakMinutes * WARM_UP_PARTS) / PARTS)}; that at the end is the mean of the last ` +
    `${minutes(soakMinutes / PARTS)}.`,
  run: ({ contender, settings, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.server, async (server) => {
      const { endpoints, pids } = await server.start();
      const workload = caseStudyWorkload(settings.clients);
      const totalMs = settings.soakMinutes * 60_000;
      const partMs = totalMs / PARTS;
      const counts = new VisitCounts();
      const meter = new CpuMeter(pids, cpus.server);
      const sampling = new AbortController();
      try {
        const [{ warm, end }] = await Promise.all([
          sampleMemory(pids, partMs, sampling.signal),
          visitInTurn({ endpoints, workload, visitMs: partMs, totalMs }, counts),
        ]);
        const cpu = meter.read();
        return {
          warm: warm / MEBIBYTE,
          end: end / MEBIBYTE,
          growth: end / warm,
          rooms: counts.rooms,
          reconnections: counts.reconnections,
          serverBusy: cpu.server * 100,
          generatorBusy: cpu.generator * 100,
        };
      } finally {
        sampling.abort();
      }
    }),
};

function minutes(count: number): string {
  return `${Number(count.toFixed(1))} min`;
}

async function sampleMemory(
  pids: readonly number[],
  partMs: number,
  signal: AbortSignal,
): Promise<Memory> {
  await delay(WARM_UP_PARTS * partMs, undefined, { signal });
  const warm = await meanResidentBytes(pids, partMs, signal);
  await delay((PARTS - WARM_UP_PARTS - 2) * partMs, undefined, { signal });
  const end = await meanResidentBytes(pids, partMs, signal);
  return { warm, end };
}

async function meanResidentBytes(
  pids: readonly number[],
  durationMs: number,
  signal: AbortSignal,
): Promise<number> {
  const samples = Math.max(1, Math.floor(durationMs / SAMPLE_MS));
  let sum = 0;
  for (let sample = 0; sample < samples; sample++) {
    await delay(SAMPLE_MS, undefined, { signal });
    sum += residentBytes(pids);
  }
  return sum / samples;
}
