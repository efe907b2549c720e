import { CAPACITY } from "./capacity.ts";
import type { Input } from "./input.ts";
import { MEASURED } from "./measured.ts";
import { PRICES } from "./prices.ts";
import { SERVER_SETTINGS } from "./server-settings.ts";
import { WORKLOAD } from "./workload.ts";

/** All inputs, by what they are about. */
export const INPUT_GROUPS = {
  "What clients do": WORKLOAD,
  "What was measured": MEASURED,
  "What the server does how often": SERVER_SETTINGS,
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
 * The inputs with their values as written in the files, except those in `changes`.
 *
 * @throws Error that names the input and what it may be
 */
export function inputsWith(changes: Partial<Inputs> = {}): Inputs {
  const values = Object.entries<Input>(ALL).map(([name, { value }]) => [name, value]);
  const inputs = { ...(Object.fromEntries(values) as Inputs), ...changes };
  for (const name of Object.keys(changes)) check(inputNamed(name), inputs);
  if (inputs.joinsPerHour * inputs.sessionMinutes < 60) {
    throw new Error(
      `joinsPerHour ${inputs.joinsPerHour} is too low: in ${inputs.sessionMinutes} minutes ` +
        "(sessionMinutes) each client joins once at least",
    );
  }
  return inputs;
}

/** @throws Error when there is none of this name */
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
