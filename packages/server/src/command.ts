import { parseArgs } from "node:util";
import { describeSettings } from "./config/config.ts";
import { readConfig } from "./config/read-config.ts";
import { likelyTypos } from "./config/read-settings.ts";
import type { SymphonyServer } from "./config/server-options.ts";
import { ConfigError } from "./runtime/config-error.ts";
import { createLogger, escapeHidden } from "./runtime/logger.ts";
import { suggestion } from "./runtime/nearest-name.ts";
import { reasonOf } from "./runtime/reason.ts";
import { VERSION } from "./runtime/version.ts";
import { createServer } from "./server/create-server.ts";
import { setUp } from "./server/set-up.ts";

const USAGE = `symphony-backend: a y-websocket compatible backend for Yjs applications

Usage: symphony-backend [start]
       symphony-backend setup    create whatever is missing: DynamoDB table, bucket, database tables

Options:
  --host <address>  overrides HOST
  --port <number>   overrides PORT
  -h, --help        print this help
  -v, --version     print the version

Settings are environment variables:
${describeSettings()}
`;

const OPTIONS = {
  host: { type: "string" },
  port: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

const COMMANDS = { start, setup } as const;

type Environment = Readonly<Record<string, string | undefined>>;

await reportingFailure("start", async () => {
  const { command, environment, prints } = readArguments(process.argv.slice(2));
  if (prints !== undefined) process.stdout.write(prints);
  else
    await reportingFailure(command === "setup" ? "set up" : command, () =>
      COMMANDS[command](environment),
    );
});

/** @throws ConfigError for an unknown command or option */
function readArguments(args: readonly string[]) {
  const { values, tokens } = parseArgs({
    args: [...args],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind === "option") checkOption(token);
  }
  const [command = "start", ...rest] = positionals;
  if (!isCommand(command)) {
    const meant = suggestion(command, Object.keys(COMMANDS)) || "; see --help";
    throw new ConfigError(`unknown command ${JSON.stringify(command)}${meant}`);
  }
  if (rest.length > 0) {
    throw new ConfigError(
      `${command} takes no arguments, but got ${JSON.stringify(rest.join(" "))}`,
    );
  }
  const { host, port, help, version } = values;
  const environment: Environment = {
    ...process.env,
    ...(typeof host === "string" && { HOST: host }),
    ...(typeof port === "string" && { PORT: port }),
  };
  return { command, environment, prints: help ? USAGE : version ? `${VERSION}\n` : undefined };
}

/** @throws ConfigError if the option is unknown, lacks its value, or has one it does not take */
function checkOption({ name, rawName, value }: OptionToken): void {
  const option = Object.entries(OPTIONS).find(([known]) => known === name)?.[1];
  if (option === undefined) {
    const known = Object.keys(OPTIONS).map((each) => `--${each}`);
    const meant = suggestion(rawName, known) || "; see --help";
    throw new ConfigError(`unknown option ${rawName}${meant}`);
  }
  if (option.type === "string" && !value) throw new ConfigError(`${rawName} needs a value`);
  if (option.type === "boolean" && value !== undefined) {
    throw new ConfigError(`${rawName} takes no value`);
  }
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}

async function start(environment: Environment): Promise<void> {
  const server = await createServer({ settings: environment });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void stop(server));
  }
}

async function setup(environment: Environment): Promise<void> {
  const config = readConfig(environment);
  const logger = createLogger(config.LOG_LEVEL);
  for (const typo of likelyTypos(environment)) logger.warn(typo);
  await setUp(config, logger);
}

/** Runs `work`. If it fails, prints the reason on one line and sets the exit code. */
async function reportingFailure(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const reason = reasonOf(error);
    refuse(error instanceof ConfigError ? reason : `cannot ${what}: ${reason}`);
  }
}

/** Drains the server and exits. A second signal exits immediately. */
async function stop(server: SymphonyServer): Promise<void> {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.removeAllListeners(signal);
    process.once(signal, () => process.exit(1));
  }
  const durable = await server.close();
  process.exit(durable ? 0 : 1);
}

function refuse(reason: string): void {
  process.stderr.write(`symphony-backend: ${escapeHidden(reason).replaceAll(/\s*\n\s*/g, " ")}\n`);
  process.exitCode = 1;
}
