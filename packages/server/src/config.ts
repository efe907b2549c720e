import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";

/** The configuration is not usable. The message is one line for the person who starts the server. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly default: string;
  readonly help: string;
}

function setting<T>(schema: z.ZodType<T>, fallback: string, help: string): Setting<T> {
  return { schema, default: fallback, help };
}

const wholeNumber = (least: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= least, `must be at least ${least}`);

const flag = z.enum(["true", "false"], "must be true or false").transform((v) => v === "true");

/** Every setting: its form, its default as it would be written, and what it means. */
const SETTINGS = {
  HOST: setting(z.string().min(1, "must not be empty"), "127.0.0.1", "address to listen on"),
  PORT: setting(
    wholeNumber(0).refine((port) => port <= 65535, "must be at most 65535"),
    "1234",
    "port to listen on; 0 picks a free one and logs it",
  ),
  DATA_DIR: setting(
    z.string().min(1, "must not be empty"),
    "./data",
    "directory of the embedded store",
  ),
  ALLOW_ANONYMOUS: setting(
    flag,
    "false",
    "true serves everybody who can reach an address that is not loopback",
  ),
  MAX_MESSAGE_BYTES: setting(wholeNumber(1024), "67108864", "largest message from a client"),
  MAX_DOCUMENT_BYTES: setting(wholeNumber(1024), "268435456", "largest encoded document"),
  MAX_CONNECTIONS_PER_ROOM: setting(wholeNumber(1), "10000", "most connections to one room"),
  SNAPSHOT_INTERVAL_MS: setting(
    wholeNumber(10),
    "30000",
    "how often a changed, open document is snapshotted",
  ),
  UNLOAD_DELAY_MS: setting(
    wholeNumber(0),
    "5000",
    "how long a document stays in memory after its last connection",
  ),
  GC: setting(flag, "true", "collect deleted content when compacting"),
  LOG_LEVEL: setting(
    z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
      error: "must be fatal, error, warn, info, debug, trace or silent",
    }),
    "info",
    "least severe level that is logged",
  ),
};

/** Settings of the cluster and of access control, which this version does not have yet. */
const NOT_YET = [
  "DATABASE_URL",
  "S3_BUCKET",
  "S3_PREFIX",
  "S3_FORCE_PATH_STYLE",
  "REDIS_URL",
  "DYNAMODB_TABLE",
  "CLUSTER_SECRET",
  "SERVER_ADDRESS",
  "ADMIN_TOKEN",
  "AUTH_JWT_SECRET",
  "AUTH_JWKS_URL",
  "AUTH_WEBHOOK_URL",
  "ALLOWED_ORIGINS",
  "MAX_MESSAGES_PER_SECOND",
  "CALLBACK_URL",
];

type Settings = typeof SETTINGS;

/** The values of all settings, by the names of their environment variables. */
export type Config = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer T> ? T : never;
};

/**
 * Reads the configuration from environment variables. An empty variable counts as not set.
 *
 * @throws ConfigError naming the variable, its value and what it must be
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  for (const name of NOT_YET) {
    if (environment[name]) {
      throw new ConfigError(`${name} is set, but this version does not support it yet; unset it`);
    }
  }
  const values: Record<string, unknown> = {};
  for (const [name, { schema, default: fallback }] of Object.entries(SETTINGS)) {
    const text = environment[name] || fallback;
    const parsed = schema.safeParse(text);
    if (!parsed.success) {
      const reason = parsed.error.issues[0]?.message ?? "is not valid";
      throw new ConfigError(`${name}=${JSON.stringify(text)}: ${reason}`);
    }
    values[name] = parsed.data;
  }
  const config = values as Config;
  if (!isLoopback(config.HOST) && !config.ALLOW_ANONYMOUS) {
    throw new ConfigError(
      `HOST=${JSON.stringify(config.HOST)} is not a loopback address, so anybody could edit every document; ` +
        "set ALLOW_ANONYMOUS=true if that is what you want",
    );
  }
  return config;
}

/** The text of `--help`: every setting with its default. */
export function describeSettings(): string {
  const width = Math.max(...Object.keys(SETTINGS).map((name) => name.length));
  return Object.entries(SETTINGS)
    .map(
      ([name, { default: fallback, help }]) =>
        `  ${name.padEnd(width)}  ${help} (default ${fallback})`,
    )
    .join("\n");
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  if (isIPv6(host)) return host === "::1";
  return host === "localhost";
}
