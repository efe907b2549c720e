import { expect, test } from "vitest";
import { REFERENCE } from "../src/contenders/all.ts";
import type { Contender } from "../src/contenders/contender.ts";
import { symphony } from "../src/contenders/symphony.ts";
import type { Figures, Measurement } from "../src/measurements/measurement.ts";
import { chart } from "../src/report/chart.ts";
import { isGood, report } from "../src/report/report.ts";
import type { MeasurementResult } from "../src/report/results.ts";
import { runMeasurement } from "../src/runner.ts";
import { Disturbed } from "../src/workload/disturbed.ts";

type Run = number | Error;

/** Runs a measurement with the given results per contender. */
function measure(
  outcomes: Readonly<Record<string, readonly Run[]>>,
  part: Partial<Measurement> = {},
): Promise<MeasurementResult> {
  const left = new Map(Object.entries(outcomes).map(([name, runs]) => [name, [...runs]]));
  const contenders = Object.keys(outcomes).map(
    (name): Contender => ({
      name,
      description: "",
      keepsState: false,
      persists: false,
      start: () => Promise.reject(new Error("nothing to start")),
    }),
  );
  const measurement: Measurement = {
    name: "test",
    title: "Test",
    columns: [{ key: "cost", label: "cost", digits: 1, compared: true }],
    bars: [{ text: "cheap", column: "cost", of: "ratio", atMost: 1 }],
    minimumRuns: 1,
    describe: () => "A test.",
    takesPart: () => true,
    run: async ({ contender }): Promise<Figures> => {
      const outcome = left.get(contender.name)?.shift();
      if (outcome instanceof Error) throw outcome;
      return { cost: outcome };
    },
    ...part,
  };
  return runMeasurement(measurement, {
    contenders,
    runs: 3,
    settings: {
      clients: 1,
      smallClients: 1,
      spreadClients: 1,
      scalingClients: 1,
      connections: 1,
      documents: 1,
      rooms: 1,
      crowdRooms: 1,
      drawingClients: 1,
      stormClients: 1,
      soakMinutes: 1,
      warmUpSeconds: 1,
      windowSeconds: 1,
    },
    cpus: { server: undefined, generator: undefined, all: undefined },
    progress: () => undefined,
  });
}

function row(result: MeasurementResult, contender: string): string[] {
  const line = report(result)
    .split("\n")
    .find((text) => text.startsWith(`| ${contender} `));
  return line?.split("|").map((cell) => cell.trim()) ?? [];
}

test("a report has medians, and medians of the ratios within each run", async () => {
  const result = await measure({ [symphony.name]: [1, 9, 4], [REFERENCE]: [2, 10, 40] });
  expect(row(result, symphony.name)).toEqual(["", symphony.name, "4.0", "0.50", ""]);
  expect(row(result, REFERENCE)).toEqual(["", REFERENCE, "10.0", "1.00", ""]);
  expect(report(result)).toContain("cheap: reached (0.50, at most 1)");
  expect(isGood(result)).toBe(true);
});

test("one run with a loss voids all figures of a contender", async () => {
  const lost = new Error("something was lost");
  const result = await measure({ [symphony.name]: [1, lost, 1], [REFERENCE]: [2, 2, 2] });
  expect(row(result, symphony.name)).toEqual(["", symphony.name, "–", "–", ""]);
  expect(report(result)).toContain("no figures.** something was lost");
  expect(report(result)).toContain("cheap: not measured");
  expect(isGood(result)).toBe(false);
});

test("a disturbed run is repeated and eventually left out", async () => {
  const noise = new Disturbed("noise");
  const again = await measure({ [symphony.name]: [noise, noise, 1, 1, 1], [REFERENCE]: [2, 2, 2] });
  expect(report(again)).not.toContain("left out");
  expect(isGood(again)).toBe(true);
  const runs = [1, noise, noise, noise, 3];
  const leftOut = await measure({ [symphony.name]: runs, [REFERENCE]: [2, 2, 2] });
  expect(row(leftOut, symphony.name)).toEqual(["", symphony.name, "2.0", "1.00", ""]);
  expect(report(leftOut)).toContain("1 of 3 runs left out.** Disturbed: noise");
});

test("a missed target fails the measurement", async () => {
  const result = await measure({ [symphony.name]: [3, 3, 3], [REFERENCE]: [2, 2, 2] });
  expect(report(result)).toContain("cheap: **not reached** (1.50, at most 1)");
  expect(isGood(result)).toBe(false);
});

test("a target may be a minimum, and a remark appears once", async () => {
  const outcomes = { [symphony.name]: [3, 5, 4], [REFERENCE]: [2, 2, 2] };
  const bar = { text: "much", column: "cost", of: "value", atLeast: 4 } as const;
  const remark = ({ cost = 0 }: Figures): string | undefined => (cost > 3 ? "noisy." : undefined);
  const result = await measure(outcomes, { bars: [bar], remark });
  expect(report(result)).toContain("much: reached (4.00, at least 4)");
  expect(report(result).split(`**${symphony.name}:** noisy.`)).toHaveLength(2);
  expect(report(result)).not.toContain(`**${REFERENCE}:**`);
  const more = await measure(outcomes, { bars: [{ ...bar, atLeast: 4.5 }] });
  expect(report(more)).toContain("much: **not reached** (4.00, at least 4.5)");
});

test("the chart has a bar for each contender with figures", async () => {
  const outcomes = { [symphony.name]: [5, 5, 5], [REFERENCE]: [10, 10, 10] };
  const result = await measure({ ...outcomes, broken: [new Error("something was lost")] });
  const image = chart(result, "cost") ?? "";
  expect(image).not.toContain("broken");
  const [short = 0, long = 0] = [...image.matchAll(/<rect.* width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  expect(long).toBe(2 * short);
  expect(image.match(/<text[^>]*>(5\.0|10\.0|cost)<\/text>/g)).toHaveLength(3);
  expect(chart(await measure({ broken: [new Error("lost")] }), "cost")).toBeUndefined();
});

test("a measurement may set its own reference, and a target its own contender", async () => {
  const outcomes = { [symphony.name]: [9, 9, 9], [REFERENCE]: [3, 3, 3], three: [2, 2, 2] };
  const bar = {
    text: "cheap",
    column: "cost",
    contender: REFERENCE,
    of: "ratio",
    atMost: 1,
  } as const;
  const result = await measure(outcomes, { reference: "three", bars: [bar] });
  expect(row(result, symphony.name)).toEqual(["", symphony.name, "9.0", "4.50", ""]);
  expect(report(result)).toContain("| × three |");
  expect(report(result)).toContain("cheap: **not reached** (1.50, at most 1)");
});

test("a target may be a ratio to a contender other than the reference", async () => {
  const outcomes = { [symphony.name]: [9, 9, 9], [REFERENCE]: [3, 3, 3], least: [6, 6, 6] };
  const bar = { text: "near", column: "cost", of: "ratio", to: "least", atMost: 2 } as const;
  const result = await measure(outcomes, { bars: [bar] });
  expect(report(result)).toContain("near: reached (1.50, at most 2)");
});

test("a report for a published page includes the date", async () => {
  const result = await measure({ [symphony.name]: [1], [REFERENCE]: [2] });
  expect(report(result, "Measured today.")).toContain("A test. Measured today.");
});
