import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Which cores run what, as lists for `taskset`; undefined when they cannot be kept apart. */
export interface CpuPlan {
  readonly server: string | undefined;
  readonly generator: string | undefined;
  readonly all: string | undefined;
}

/** The first core is the server's, the others are the load generator's. */
export function planCpus(): CpuPlan {
  const cores = allowedCores();
  if (cores.length < 2 || spawnSync("taskset", ["--version"]).status !== 0) {
    return { server: undefined, generator: undefined, all: undefined };
  }
  return {
    server: String(cores[0]),
    generator: cores.slice(1).join(","),
    all: cores.join(","),
  };
}

/** Moves all threads of this process to `cpus`; children begin there too unless told otherwise. */
export function moveThisProcess(cpus: string | undefined): void {
  if (cpus === undefined) return;
  const moved = spawnSync("taskset", ["-a", "-c", "-p", cpus, String(process.pid)]);
  if (moved.status !== 0) throw new Error(`taskset failed: ${moved.stderr.toString().trim()}`);
}

/** The command that runs `command` on `cpus`. `taskset` replaces itself, so the pid is the command's. */
export function onCpus(cpus: string | undefined, command: readonly string[]): string[] {
  return cpus === undefined ? [...command] : ["taskset", "-c", cpus, ...command];
}

function allowedCores(): number[] {
  const status = readFileSync("/proc/self/status", "utf8");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
