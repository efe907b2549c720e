import type { ParseArgsOptionsConfig } from "node:util";
import { messageOf } from "./document.ts";
import { migrate, Tally } from "./migrate.ts";
import { listing, type Mode, sending, verifying } from "./modes.ts";
import { COMMON_HELP, commonOptions, type Options, readOptions, type Values } from "./options.ts";
import { makePlan } from "./plan.ts";
import { showProgress, sizeOf } from "./progress.ts";
import { ResumeFile } from "./resume-file.ts";
import type { Source } from "./source.ts";
import { Symphony } from "./symphony.ts";

/** A command that migrates from one kind of source. */
export interface Program {
  /** What `--help` says of it, without the options that all have. */
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  /** @throws Error that a user understands */
  open(values: Values): Promise<Source>;
}

const write = (text: string) => void process.stdout.write(text);
const warn = (text: string) => void process.stderr.write(text);

/** Runs a program with the arguments of this process, and sets its exit code. */
export async function run(program: Program): Promise<void> {
  try {
    const values = readOptions(process.argv.slice(2), program.options);
    if (values.help) {
      write(program.help + COMMON_HELP);
      return;
    }
    const options = commonOptions(values);
    const source = await program.open(values);
    try {
      const tally = await migrateAll(source, options);
      report(tally, options.what);
      process.exitCode = tally.failures.length > 0 || tally.stopped !== undefined ? 1 : 0;
    } finally {
      await source.close();
    }
  } catch (error) {
    warn(`${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}

/** @throws Error when it cannot begin */
async function migrateAll(source: Source, options: Options): Promise<Tally> {
  const symphony = new Symphony({
    url: options.server,
    token: process.env.ADMIN_TOKEN,
    attempts: options.attempts,
    onRetry: (why, pauseMs) => warn(`${why}; trying again in ${(pauseMs / 1000).toFixed(1)} s\n`),
  });
  await symphony.greet();
  const mode = modeOf(options, symphony);
  const plan = await makePlan(source, options.map);
  const tally = new Tally(plan);
  const stopProgress = showProgress(tally, warn);
  try {
    await migrate(source, plan.moves, { mode, concurrency: options.concurrency, tally });
  } finally {
    stopProgress();
  }
  return tally;
}

function modeOf({ what, resume, server }: Options, symphony: Symphony): Mode {
  if (what === "list") return listing(symphony, write);
  if (what === "verify") return verifying(symphony);
  return sending(symphony, resume === undefined ? undefined : new ResumeFile(resume, server));
}

const SAID = {
  sent: "sent",
  unchanged: "unchanged since they were sent",
  empty: "empty, which need no room",
  complete: "complete on the server",
  listed: "listed",
} as const;

function report(tally: Tally, what: Options["what"]): void {
  const { total, outcomes, failures, stopped, bytes } = tally;
  for (const { name, why } of failures) warn(`failed: ${JSON.stringify(name)}: ${why}\n`);
  if (stopped !== undefined) {
    const rest = total - tally.done;
    const again = what === "send" ? "Run it again: what has arrived is merged, not doubled." : "";
    warn(`stopped: ${stopped.message}. ${rest} documents are left. ${again}\n`);
  }
  const parts = [...outcomes].map(([outcome, count]) => `${count} ${SAID[outcome]}`);
  if (failures.length > 0) parts.push(`${failures.length} failed`);
  const detail = parts.length > 0 ? `: ${parts.join(", ")}` : "";
  write(`${total} documents (${sizeOf(bytes)})${detail}\n`);
}
