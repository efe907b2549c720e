import { CAPACITY } from "./capacity.ts";
import type { Input } from "./input.ts";
import { MEASURED } from "./measured.ts";
import { PRICES } from "./prices.ts";
import { SERVER_SETTINGS } from "./server-settings.ts";
import { WORKLOAD } from "./workload.ts";

/** All inputs, by topic. */
export const INPUT_GROUPS = {
  "What clients do": WORKLOAD,
  "What was measured": MEASURED,
  "How often the server does what": SERVER_SETTINGS,
  "Sizes and capacities": CAPACITY,
  Prices: PRICES,
} as const;

const ALL = { ...WORKLOAD, ...MEASURED, ...SERVER_SETTINGS, ...CAPACITY, ...PRICES };

export type InputName = keyof typeof ALL;
export type Inputs = Readonly<Record<InputName, number>>;

/** The only inputs that may be 0; nothing is divided by them. */
const MAY_BE_ZERO: ReadonlySet<InputName> = new Set([
  "actingShare",
  "updatesPerSecond",
  "presencePerSecond",
  "misplacedShare",
  "zoneCrossingShare",
  "joinMicros",
  "fixedMonth",
]);
const SHARES: ReadonlySet<InputName> = new Set([
  "actingShare",
  "misplacedShare",
  "zoneCrossingShare",
  "cpuTarget",
  "memoryTarget",
  "databaseSmallestShare",
]);
const WHOLE: ReadonlySet<InputName> = new Set(["clientsPerRoom", "leastServers"]);

/**
 * Returns the inputs with their default values, except those in `changes`.
 *
 * @throws Error that names the input and the allowed values
 */
export function inputsWith(changes: Partial<Inputs> = {}): Inputs {
  const values = Object.entries<Input>(ALL).map(([name, { value }]) => [name, value]);
  const inputs = { ...(Object.fromEntries(values) as Inputs), ...changes };
  for (const name of Object.keys(changes)) check(inputNamed(name), inputs);
  if (inputs.joinsPerHour * inputs.sessionMinutes < 60) {
    throw new Error(
      `joinsPerHour ${inputs.joinsPerHour} is too low: in ${inputs.sessionMinutes} minutes ` +
        "(sessionMinutes) each client joins at least once",
    );
  }
  return inputs;
}

/** @throws Error if there is no input of this name */
export function inputNamed(name: string): InputName {
  if (Object.hasOwn(ALL, name)) return name as InputName;
  throw new Error(`there is no input "${name}"; --help lists them`);
}

function check(name: InputName, inputs: Inputs): void {
  const value = inputs[name];
  const rules: readonly [boolean, string][] = [
    [Number.isFinite(value) && value >= 0, "a number that is not negative"],
    [value > 0 || MAY_BE_ZERO.has(name), "more than 0"],
    [value <= 1 || !SHARES.has(name), "at most 1"],
    [Number.isInteger(value) || !WHOLE.has(name), "a whole number"],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken !== undefined) throw new Error(`${name} is ${value}; it must be ${broken[1]}`);
}
