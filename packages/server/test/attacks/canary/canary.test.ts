import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { NODE_ARGS } from "@symphony/services/node-options";
import { afterAll, describe, expect, it } from "vitest";
import { readRoom } from "../../support/raw-client.ts";
import { type ServerProcess, startServer } from "../../support/server-process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type Attack, DEFAULT_SECONDS, PREPARE_SECONDS } from "./attack.ts";
import type { CanaryReport } from "./canary-process.ts";
import { Child } from "./child.ts";
import { goFirst, limitMemory, type Usage, UsageMeter } from "./vital-signs.ts";

// Runs every attack in `attacks/` against a canary. `attack.ts` explains how to add one.

const MEMORY_LIMIT = 512 * 1024 * 1024;
/** Upper limit for acknowledgements during an attack (99th percentile), in milliseconds. */
const ACKNOWLEDGED_MS = 250;
/** The server counts as idle before an attack once acknowledgements are faster than this. */
const QUIET_MS = 100;
const QUIET_WITHIN_MS = 30_000;
/** A new client must be admitted within this time after an attack. */
const LET_IN_MS = 10_000;
/** How long to keep measuring the canary after an attack, while the server works off its backlog. */
const AFTERMATH_MS = 1_000;

const ENV = {
  MAX_MEMORY_BYTES: String(MEMORY_LIMIT),
  ADMIN_TOKEN: "the token of an administrator",
};

interface Loaded {
  readonly file: string;
  readonly attack: Attack;
}

const DIRECTORY = fileURLToPath(new URL("./attacks/", import.meta.url));
const loaded: Loaded[] = [];
for (const name of (await readdir(DIRECTORY)).sort()) {
  const file = DIRECTORY + name;
  const { attack } = (await import(file)) as { attack?: Attack };
  if (attack === undefined) throw new Error(`${file} does not export "attack"`);
  loaded.push({ file, attack });
}

/** Attacks with the same settings share a server. */
const bySettings = Map.groupBy(loaded, ({ attack }) =>
  JSON.stringify(Object.entries(attack.settings ?? {}).sort()),
);

for (const [settings, attacks] of bySettings) {
  describe(settings === "[]" ? "default settings" : settings, () => {
    let server: ServerProcess | undefined;
    let rooms = 0;
    afterAll(async () => {
      await server?.stop();
    });
    const cases = attacks.flatMap(({ file, attack }) =>
      (attack.connections ?? [1]).map((connections) => ({ file, attack, connections })),
    );
    it.each(cases)("$attack.name, $connections×", async ({ file, attack, connections }) => {
      if (server === undefined || server.hasExited) {
        const env = { ...ENV, ...attack.settings };
        server = await startServer({ env, nodeArgs: NODE_ARGS });
        limitMemory(server);
        await goFirst(server.pid);
      }
      await survive(server, `canary-${rooms++}`, attack, [file, server.url, String(connections)]);
    });
  });
}

/** Runs one attack, and checks that other clients are unaffected. */
async function survive(
  server: ServerProcess,
  room: string,
  attack: Attack,
  args: readonly string[],
): Promise<void> {
  const canary = new Child("canary-process", [server.wsUrl, room]);
  const attacker = new Child("attacker-process", args);
  const logged = server.logs.length;
  let meter: UsageMeter | undefined;
  try {
    await attacker.ask("prepare", (PREPARE_SECONDS + 15) * 1_000);
    await goFirst(canary.pid);
    await canary.ask("join", 50_000);
    await waitForQuiet(canary);
    meter = await UsageMeter.start(server);
    const seconds = attack.seconds ?? DEFAULT_SECONDS;
    await attacker.ask("run", (seconds + 15) * 1_000);
    await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
    expect(server.hasExited, `the server exited:\n${server.tail()}`).toBe(false);
    const usage = await meter.read();
    const report = await canary.ask<CanaryReport>("stop", 40_000);
    const summary = describeRun(report, usage);
    process.stdout.write(`    ${attack.name}, ${args.at(-1)}×: ${summary}\n`);
    expect(report.faults, summary).toEqual([]);
    expect(percentile(report.acknowledged, 0.99), summary).toBeLessThan(ACKNOWLEDGED_MS);
    expect(usage.peakBytes, summary).toBeLessThan(MEMORY_LIMIT);
    const errors = server.logs.slice(logged).filter(({ level }) => level >= 50);
    expect(errors, summary).toEqual([]);
    // A client that joins now receives everything the canary wrote. While memory is short, new clients
    // are refused for a moment, and retry like a provider.
    const { wsUrl } = server;
    let refusal: unknown;
    const read = () =>
      readRoom(wsUrl, room).catch((error: unknown) => {
        refusal = error;
        return null;
      });
    const doc = await waitFor(read, {
      timeout: LET_IN_MS,
      message: () =>
        `a new client is admitted; last refusal: ${refusal}; ${summary}\n${server.tail()}`,
    });
    expect(["one", "other"].map((name) => doc.getArray(name).length)).toEqual(report.edits);
  } finally {
    meter?.stop();
    await Promise.all([attacker.end(), canary.end()]);
  }
}

/** Waits until the server has finished the work left by the last attack and by this one's preparation. */
async function waitForQuiet(canary: Child): Promise<void> {
  let report: CanaryReport | undefined;
  await canary.ask<CanaryReport>("report", 5_000);
  await waitFor(
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      report = await canary.ask<CanaryReport>("report", 5_000);
      return report.acknowledged.length > 0 && percentile(report.acknowledged, 0.99) < QUIET_MS;
    },
    {
      timeout: QUIET_WITHIN_MS,
      message: () => `the server is idle before the attack; last report: ${JSON.stringify(report)}`,
    },
  );
}

/** @param ascending sorted */
function percentile(ascending: readonly number[], share: number): number {
  const index = Math.min(ascending.length - 1, Math.floor(ascending.length * share));
  return ascending[index] ?? Number.POSITIVE_INFINITY;
}

function describeRun({ acknowledged }: CanaryReport, usage: Usage): string {
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) =>
    Math.round(percentile(acknowledged, share)),
  );
  return (
    `acknowledged in ${p50} ms, p99 ${p99}, at most ${most} (${acknowledged.length} edits); ` +
    `peak ${Math.round(usage.peakBytes / 2 ** 20)} MB; CPU ${usage.cpu} ms, ` +
    `waited ${Math.round(usage.starved)} ms for a processor`
  );
}
