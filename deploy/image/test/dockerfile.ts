import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the repository, which is the build context. */
export const ROOT: string = fileURLToPath(new URL("../../../", import.meta.url));

export interface Instruction {
  /** For example `COPY`. */
  readonly name: string;
  /** The options written as `--flag=value`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly rest: string;
}

export interface Stage {
  readonly from: string;
  /** Empty for the last stage, which is the image. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of `deploy/Dockerfile`. */
export function readDockerfile(): Stage[] {
  const text = readFileSync(`${ROOT}deploy/Dockerfile`, "utf8");
  const lines = text
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const stages: { from: string; name: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const instruction = parse(line);
    if (instruction.name === "FROM") {
      const [from = "", , name = ""] = instruction.rest.split(/\s+/);
      stages.push({ from, name, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

function parse(line: string): Instruction {
  const words = line.trim().split(/\s+/);
  const flags: Record<string, string> = {};
  let [name = "", ...rest] = words;
  name = name.toUpperCase();
  while (rest[0]?.startsWith("--")) {
    const [, flag = "", value = ""] = /^--([^=]+)=?(.*)$/.exec(rest[0]) ?? [];
    flags[flag] = value;
    rest = rest.slice(1);
  }
  return { name, flags, rest: rest.join(" ") };
}

/** The arguments of all instructions with this name. */
export function all(stage: Stage, name: string): string[] {
  return stage.instructions.filter((i) => i.name === name).map(({ rest }) => rest);
}

/** The words of a command in exec form. */
export function command(stage: Stage, name: string): string[] {
  const [text = "[]"] = all(stage, name);
  return JSON.parse(text.replace(/^CMD /, "")) as string[];
}

/** The variables that `ENV` sets. */
export function environment(stage: Stage): Record<string, string> {
  const pairs = all(stage, "ENV").flatMap((text) => text.split(/\s+/));
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name, value.join("=")];
    }),
  );
}
