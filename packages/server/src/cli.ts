#!/usr/bin/env -S node --max-semi-space-size=8
import { pino } from "pino";
import { createServer } from "./assembly/create-server.ts";
import { setUp } from "./assembly/set-up.ts";
import { describeSettings, readConfig } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import type { SymphonyServer } from "./config/server-options.ts";

const USAGE = `symphony-backend: a y-websocket compatible backend for Yjs applications

Usage: symphony-backend [start]
       symphony-backend setup    creates what is missing: table, bucket, tables of the database

Settings are environment variables:
${describeSettings()}
`;

const [command = "start", ...rest] = process.argv.slice(2);
if (command === "--help" || command === "-h") {
  process.stdout.write(USAGE);
} else if (command === "start" && rest.length === 0) {
  await explained("start", start);
} else if (command === "setup" && rest.length === 0) {
  await explained("set up", async () => {
    const config = readConfig(process.env);
    await setUp(config, pino({ level: config.LOG_LEVEL }));
  });
} else {
  refuse(`unknown command "${[command, ...rest].join(" ")}"; --help lists what there is`);
}

async function start(): Promise<void> {
  const server = await createServer({ settings: process.env });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void stop(server));
  }
}

/** Does something, or says in one line why it could not. */
async function explained(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse(error instanceof ConfigError ? reason : `cannot ${what}: ${reason}`);
  }
}

/** Drains and exits; another signal exits at once. */
async function stop(server: SymphonyServer): Promise<void> {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.removeAllListeners(signal);
    process.once(signal, () => process.exit(1));
  }
  const durable = await server.close();
  process.exit(durable ? 0 : 1);
}

function refuse(reason: string): void {
  process.stderr.write(`symphony-backend: ${reason}\n`);
  process.exitCode = 1;
}
