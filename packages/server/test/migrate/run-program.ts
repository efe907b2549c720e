import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

export interface ProgramRun {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Its stderr without progress reports, which depend on time. */
  readonly complaints: string;
}

const running = new Set<Running>();
afterEach(async () => {
  for (const program of running) program.kill();
  await Promise.all([...running].map(({ ended }) => ended));
});

/** A program of `examples/migrate`, run the way a user runs it. */
export class Running {
  /** The output so far. */
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ended>;
  readonly kill: () => void;

  constructor(name: string, { args, env = {} }: ProgramRun) {
    const path = fileURLToPath(
      new URL(`../../../../examples/migrate/src/${name}.ts`, import.meta.url),
    );
    const child = spawn(process.execPath, [path, ...args], {
      env: { PATH: process.env.PATH ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.kill = () => void child.kill("SIGKILL");
    child.stdout.on("data", (text: Buffer) => {
      this.stdout += text.toString();
    });
    child.stderr.on("data", (text: Buffer) => {
      this.stderr += text.toString();
    });
    running.add(this);
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        running.delete(this);
        const complaints = this.stderr.replaceAll(/^\d+ of \d+ documents, .*\n/gm, "");
        resolve({ code, stdout: this.stdout, complaints });
      });
    });
  }
}

/** Runs a program of `examples/migrate` to its end. */
export function runProgram(name: string, run: ProgramRun): Promise<Ended> {
  return new Running(name, run).ended;
}
