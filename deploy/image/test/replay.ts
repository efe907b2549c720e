import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { buildContext } from "./build-context.ts";
import { type Instruction, ROOT, readDockerfile } from "./dockerfile.ts";

const run = promisify(execFile);

/**
 * The environment of a build: without the variables that npm and Vitest set for the test runner. Packages
 * come from the cache of npm if it has them.
 */
const ENVIRONMENT = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_ENV$|^VITEST/.test(name)),
  ),
  npm_config_prefer_offline: "true",
  npm_config_audit: "false",
  npm_config_fund: "false",
};

/**
 * Runs the Dockerfile's steps without Docker: each stage has a directory instead of a file system
 * of its own, and uses the programs of this machine.
 *
 * @param directory where the stages are created
 * @returns the directory of the last stage
 * @throws Error if a step fails
 */
export async function replay(directory: string): Promise<string> {
  const context = buildContext();
  let last = "";
  for (const { name, instructions } of readDockerfile()) {
    last = join(directory, name === "" ? "image" : name);
    let workdir = last;
    for (const instruction of instructions) {
      if (instruction.name === "WORKDIR") {
        workdir = join(last, instruction.rest);
        await mkdir(workdir, { recursive: true });
      } else if (instruction.name === "COPY") {
        await copy(instruction, { context, directory, root: last, workdir });
      } else if (instruction.name === "RUN") {
        const [program = "", ...args] = instruction.rest.split(" ");
        await run(program, args, { cwd: workdir, env: ENVIRONMENT, maxBuffer: 1 << 26 });
      }
    }
  }
  return last;
}

interface Place {
  readonly context: readonly string[];
  readonly directory: string;
  readonly root: string;
  readonly workdir: string;
}

async function copy({ flags, rest }: Instruction, place: Place): Promise<void> {
  const words = rest.split(" ");
  const to = words.pop() ?? "";
  const target = to.startsWith("/") ? join(place.root, to) : join(place.workdir, to);
  for (const from of words) {
    if (flags.from === undefined) await copyFiles(from, to, target, place.context);
    else {
      const source = join(place.directory, flags.from, from);
      const isInto = to.endsWith("/");
      await cp(source, isInto ? join(target, from.split("/").at(-1) ?? "") : target, {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
  }
}

/** Copies the content of a directory, or a file itself. */
async function copyFiles(
  from: string,
  to: string,
  target: string,
  context: readonly string[],
): Promise<void> {
  const files = context.filter((path) => path === from || path.startsWith(`${from}/`));
  if (files.length === 0) throw new Error(`COPY ${from}: no such file in the build context`);
  for (const path of files) {
    const inside =
      path === from
        ? to.endsWith("/")
          ? (path.split("/").at(-1) ?? "")
          : ""
        : path.slice(from.length + 1);
    const destination = join(target, inside);
    await mkdir(dirname(destination), { recursive: true });
    await cp(join(ROOT, path), destination);
  }
}
