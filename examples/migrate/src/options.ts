import { readFileSync } from "node:fs";
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { messageOf } from "./document.ts";
import type { RoomMap } from "./plan.ts";

/** What all programs have in common. */
export interface Options {
  readonly server: string;
  readonly concurrency: number;
  readonly attempts: number;
  readonly map: RoomMap;
  readonly resume: string | undefined;
  readonly what: "send" | "list" | "verify";
}

/** The options of a program by name, as they were given. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

export const COMMON_HELP = `
  --to URL         the server (default http://127.0.0.1:1234); ADMIN_TOKEN in the environment opens it
  --dry-run        send nothing: list size and room of each document, and what would be refused
  --verify         send nothing: compare each document on the server with the source
  --resume FILE    remember there what has arrived; a later run sends only what is new or changed
  --map FILE       JSON: {"name in the source": "room", …} for names that should become other rooms
  --concurrency N  documents at a time (default 4)
  --attempts N     of a request that the server cannot answer now (default 10: one to two minutes)
  --help           this text

Sending again is always harmless: updates merge. It ends with code 0 when every document is all right,
1 when something is wrong with some, and 2 when it could not begin.
`;

const COMMON = {
  to: { type: "string", default: "http://127.0.0.1:1234" },
  "dry-run": { type: "boolean", default: false },
  verify: { type: "boolean", default: false },
  resume: { type: "string" },
  map: { type: "string" },
  concurrency: { type: "string", default: "4" },
  attempts: { type: "string", default: "10" },
  help: { type: "boolean", default: false },
} as const satisfies ParseArgsOptionsConfig;

/** @throws Error that a user understands */
export function readOptions(args: readonly string[], own: ParseArgsOptionsConfig): Values {
  const { values } = parseArgs({ args: [...args], options: { ...own, ...COMMON } });
  return values as Values;
}

/** What the values mean to all programs. @throws Error that a user understands */
export function commonOptions(values: Values): Options {
  if (values["dry-run"] && values.verify) {
    throw new Error("--dry-run and --verify exclude each other");
  }
  const map = textOf(values, "map");
  return {
    server: serverOf(textOf(values, "to") ?? ""),
    concurrency: numberOf(values, "concurrency", 64),
    attempts: numberOf(values, "attempts", 1_000),
    map: map === undefined ? new Map() : readMap(map),
    resume: textOf(values, "resume"),
    what: values["dry-run"] ? "list" : values.verify ? "verify" : "send",
  };
}

export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** An option that has to be given. @throws Error that a user understands */
export function required(values: Values, name: string): string {
  const value = textOf(values, name);
  if (value === undefined || value === "") throw new Error(`--${name} is missing`);
  return value;
}

/** Without a slash at its end. */
function serverOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error(`--to is ${text}: it must be an address that begins with http:// or https://`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

function numberOf(values: Values, name: string, most: number): number {
  const text = textOf(values, name) ?? "";
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new Error(`--${name} is ${text}: it must be from 1 to ${most}`);
  }
  return value;
}

function readMap(path: string): RoomMap {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null) throw new Error("it is no JSON object");
    return new Map(
      Object.entries(value).map(([name, room]: [string, unknown]) => {
        if (typeof room === "string") return [name, room];
        throw new Error(`the room of ${JSON.stringify(name)} is no string`);
      }),
    );
  } catch (cause) {
    throw new Error(`--map ${path}: ${messageOf(cause)}`, { cause });
  }
}
