#!/usr/bin/env -S node --max-semi-space-size=8
import { pino } from "pino";
import { type Config, ConfigError, describeSettings, readConfig } from "./config.ts";
import { type RunningServer, startServer } from "./server.ts";
import { setUp } from "./set-up.ts";

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
  await explained("set up", async (config) => setUp(config, pino({ level: config.LOG_LEVEL })));
} else {
  refuse(`unknown command "${[command, ...rest].join(" ")}"; --help lists what there is`);
}

async function start(config: Config): Promise<void> {
  const logger = pino({ level: config.LOG_LEVEL });
  const server = await startServer(config, logger);
  logger.info({ url: server.url }, "listening");
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void stop(server));
  }
}

/** Does something with the configuration, or says in one line why it could not. */
async function explained(what: string, work: (config: Config) => Promise<void>): Promise<void> {
  try {
    await work(readConfig(process.env));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse(error instanceof ConfigError ? reason : `cannot ${what}: ${reason}`);
  }
}

/** Drains and exits; another signal exits at once. */
async function stop(server: RunningServer): Promise<void> {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.removeAllListeners(signal);
    process.once(signal, () => process.exit(1));
  }
  const durable = await server.drain();
  process.exit(durable ? 0 : 1);
}

function refuse(reason: string): void {
  process.stderr.write(`symphony-backend: ${reason}\n`);
  process.exitCode = 1;
}
