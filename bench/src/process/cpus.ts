import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Which cores run what, as lists for `taskset`; undefined if they cannot be separated. */
export interface CpuPlan {
  readonly server: string | undefined;
  readonly generator: string | undefined;
  readonly all: string | undefined;
}

/** Assigns the first core to the server and the others to the load generator. */
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

/** Moves all threads of this process to `cpus`, which its children inherit by default. */
export function moveThisProcess(cpus: string | undefined): void {
  if (cpus === undefined) return;
  const moved = spawnSync("taskset", ["-a", "-c", "-p", cpus, String(process.pid)]);
  if (moved.status !== 0) throw new Error(`taskset failed: ${moved.stderr.toString().trim()}`);
}

/** Returns the command that runs `command` on `cpus`. `taskset` execs it, so the pid is its own. */
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
