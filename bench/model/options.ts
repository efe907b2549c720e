import { parseArgs } from "node:util";
import type { Input } from "./input.ts";
import { INPUT_GROUPS, type InputName, type Inputs, inputNamed, inputsWith } from "./inputs.ts";

export interface Options {
  readonly changes: Partial<Inputs>;
  readonly write: boolean;
  readonly help: boolean;
}

/** @throws Error for the user */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      set: { type: "string", multiple: true, default: [] },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const changes = Object.fromEntries(values.set.flatMap(readChanges));
  inputsWith(changes);
  return { changes, write: values.write, help: values.help };
}

export function help(): string {
  const inputs = Object.entries(INPUT_GROUPS).flatMap(([title, group]) => [
    `\n${title}:`,
    ...Object.entries<Input>(group).map(
      ([name, { value, unit, from }]) => `  ${name}=${value} ${unit} (${from})`,
    ),
  ]);
  return `node bench/model/main.ts [options]

  --set NAME=NUMBER    changes an input; may be given more than once
  --set '{"NAME":…}'   changes several inputs
  --write              writes bench/MODEL.md
  --help               this text
${inputs.join("\n")}
`;
}

function readChanges(text: string): [InputName, number][] {
  const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined)
    return [[inputNamed(name), numberIn(name, json(value))]];
  const changes = json(text);
  if (typeof changes !== "object" || changes === null) {
    throw new Error(`--set ${text}: write NAME=NUMBER, or a JSON object of them`);
  }
  return Object.entries(changes).map(([key, one]) => [inputNamed(key), numberIn(key, one)]);
}

function numberIn(name: string, value: unknown): number {
  if (typeof value !== "number")
    throw new Error(`${name} is ${JSON.stringify(value)}, not a number`);
  return value;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${text} is not JSON`, { cause });
  }
}
