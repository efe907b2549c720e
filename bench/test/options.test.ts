import { expect, test } from "vitest";
import { measurements } from "../src/measurements/all.ts";
import { HELP, readOptions } from "../src/options.ts";

test("without names, all measurements run except the one that takes an hour", () => {
  const names = readOptions([]).measurements.map(({ name }) => name);
  expect(names).toHaveLength(measurements.length - 1);
  expect(names).not.toContain("soak");
  expect(readOptions(["soak", "storm"]).measurements.map(({ name }) => name)).toEqual([
    "storm",
    "soak",
  ]);
});

test("the help lists every measurement, and descriptions include the chosen sizes", () => {
  const { settings } = readOptions(["--storm-clients", "123", "--soak-minutes", "24"]);
  for (const { name } of measurements) expect(HELP).toContain(name);
  const description = (wanted: string): string | undefined =>
    measurements.find(({ name }) => name === wanted)?.describe(settings);
  expect(description("storm")).toContain("123 clients");
  expect(description("soak")).toContain("each is open for 2 min");
});

test("the numbers of clients of the latency are a list", () => {
  const { settings } = readOptions([]);
  expect(settings.latencyClients).toEqual([4, 40, 200, 400, 1000, 1600, 3000]);
  const chosen = readOptions(["--latency-clients", "400,4,40,4"]).settings;
  expect(chosen.latencyClients).toEqual([4, 40, 400]);
  const latency = measurements.find(({ name }) => name === "latency");
  expect(latency?.describe(chosen)).toMatch(/^4, 40, 400 clients/);
});

test.each(["", "4,", "4,x", "4;40", "-4", "4,1.5", "0"])(
  'the list of clients "%s" is refused',
  (list) => {
    expect(() => readOptions([`--latency-clients=${list}`])).toThrow(
      "--latency-clients needs whole numbers separated by commas",
    );
  },
);

test("invalid options are refused", () => {
  expect(() => readOptions(["storms"])).toThrow('unknown measurement "storms"');
  expect(() => readOptions(["--contenders", "nobody"])).toThrow('unknown contender "nobody"');
  expect(() => readOptions(["--rooms", "1.5"])).toThrow("--rooms needs a whole number");
});
