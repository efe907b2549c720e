import { describe, expect, test } from "vitest";
import { REFERENCE } from "../src/contenders/all.ts";
import type { Contender } from "../src/contenders/contender.ts";
import { symphony } from "../src/contenders/symphony.ts";
import type { Bar, Figures, Measurement, Settings } from "../src/measurements/measurement.ts";
import { chart } from "../src/report/chart.ts";
import { type Line, lineChart } from "../src/report/line-chart.ts";
import { isGood, report } from "../src/report/report.ts";
import type { MeasurementResult } from "../src/report/results.ts";
import { runMeasurement } from "../src/runner.ts";
import { Disturbed } from "../src/workload/disturbed.ts";

type Run = number | Error;

/** Runs a measurement with the given results per contender, or per `contender clients`. */
function measure(
  outcomes: Readonly<Record<string, readonly Run[]>>,
  part: Partial<Measurement> = {},
): Promise<MeasurementResult> {
  const left = new Map(Object.entries(outcomes).map(([name, runs]) => [name, [...runs]]));
  const names = new Set(Object.keys(outcomes).map((key) => key.split(" ", 1).join("")));
  const contenders = [...names].map(
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
    run: async ({ contender, settings }): Promise<Figures> => {
      const outcome = (
        left.get(`${contender.name} ${settings.clients}`) ?? left.get(contender.name)
      )?.shift();
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
      latencyClients: [1, 20],
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

describe("a measurement with several numbers of clients", () => {
  const several = { clientCounts: ({ latencyClients }: Settings) => latencyClients };
  const outcomes = {
    [`${symphony.name} 1`]: [1, 1, 1],
    [`${REFERENCE} 1`]: [2, 2, 2],
    [`${symphony.name} 20`]: [9, 9, 9],
    [`${REFERENCE} 20`]: [3, 3, 3],
  };

  function rows(result: MeasurementResult): string[] {
    return report(result)
      .split("\n")
      .filter((line) => /^\| (symphony|y-websocket-server) /.test(line))
      .map((line) => line.replaceAll(/ +/g, " "));
  }

  test("has a row for each, with the ratio to the reference in the same row", async () => {
    expect(rows(await measure(outcomes, several))).toEqual([
      "| symphony | 1 | 1.0 | 0.50 |",
      "| y-websocket-server | 1 | 2.0 | 1.00 |",
      "| symphony | 20 | 9.0 | 3.00 |",
      "| y-websocket-server | 20 | 3.0 | 1.00 |",
    ]);
  });

  test("says in its row why a contender has no figures, and keeps the others", async () => {
    const overloaded = new Error("only 80 % of the work\nwas done | in time");
    const result = await measure({ ...outcomes, [`${REFERENCE} 20`]: [3, overloaded] }, several);
    expect(rows(result)).toEqual([
      "| symphony | 1 | 1.0 | 0.50 | |",
      "| y-websocket-server | 1 | 2.0 | 1.00 | |",
      "| symphony | 20 | 9.0 | – | |",
      "| y-websocket-server | 20 | – | – | only 80 % of the work was done \\| in time |",
    ]);
    expect(report(result).match(/was done/g)).toHaveLength(1);
    expect(isGood(result)).toBe(false);
  });

  test("names the row of a run that was left out", async () => {
    const noise = new Disturbed("noise");
    const runs = [1, noise, noise, noise, 1];
    const result = await measure({ ...outcomes, [`${symphony.name} 1`]: runs }, several);
    expect(report(result)).toContain("**symphony, 1 clients: 1 of 3 runs left out.**");
  });

  test("has targets for some of them, of which the worst value counts", async () => {
    const bar = { text: "quick", column: "cost", of: "value", atMost: 5 } as const;
    const verdictOn = async (part: Partial<Bar>): Promise<string> =>
      report(await measure(outcomes, { ...several, bars: [{ ...bar, ...part }] }));
    expect(await verdictOn({})).toContain("quick: **not reached** (9.00, at most 5)");
    expect(await verdictOn({ clients: [1, 19] })).toContain("quick: reached (1.00, at most 5)");
    expect(await verdictOn({ clients: [30, 40] })).toContain("quick: not measured");
  });

  test("does not reach a target at a number of clients without figures", async () => {
    const bar = { text: "quick", column: "cost", of: "value", atMost: 5 } as const;
    const lost = { ...outcomes, [`${symphony.name} 20`]: [new Error("lost")] };
    const result = await measure(lost, { ...several, bars: [bar] });
    expect(report(result)).toContain("quick: not measured");
  });

  test("has a chart with a line per contender and column, without refused rows", async () => {
    const lines: readonly Line[] = [{ column: "cost", label: "cost", dashed: true }];
    const refused = { ...outcomes, [`${REFERENCE} 20`]: [new Error("overloaded")] };
    const image = lineChart(await measure(refused, several), lines, "ms") ?? "";
    expect(image.match(/<circle/g)).toHaveLength(3);
    expect(image.match(/<circle class="first"/g)).toHaveLength(2);
    expect(image).toContain(">symphony, cost</text>");
    expect(image).toContain(">20</text>");
    expect(image).not.toContain("NaN");
    const nothing = { [symphony.name]: [new Error("lost")] };
    expect(lineChart(await measure(nothing, several), lines, "ms")).toBeUndefined();
  });
});

test("a target may have an alternative", async () => {
  const alternative = { column: "cost", of: "ratio", atMost: 1 } as const;
  const bar = { text: "quick", column: "cost", of: "value", atMost: 1, or: alternative } as const;
  const reached = await measure({ [symphony.name]: [2], [REFERENCE]: [4] }, { bars: [bar] });
  expect(report(reached)).toContain("quick: reached (2.00, at most 1; or 0.50, at most 1)");
  const missed = await measure({ [symphony.name]: [2], [REFERENCE]: [1] }, { bars: [bar] });
  expect(report(missed)).toContain("quick: **not reached** (2.00, at most 1; or 2.00, at most 1)");
  expect(isGood(missed)).toBe(false);
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
