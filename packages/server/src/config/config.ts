import { z } from "zod";
import { ROOT_TYPES, type RootNames } from "../room/root-types.ts";
import { ConfigError } from "../runtime/config-error.ts";
import { memoryOfMachine } from "../runtime/memory-limit.ts";
import { type CustomPart, checkConfig } from "./check-config.ts";

/** With less memory, a server could not admit any client. */
const LEAST_MEMORY_BYTES = 128 * 1024 * 1024;

interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly default: string;
  readonly help: string;
}

function setting<T>(schema: z.ZodType<T>, fallback: string, help: string): Setting<T> {
  return { schema, default: fallback, help };
}

/** Node fires timers with longer delays immediately, and some limits would not apply at all. */
const MOST = 2_147_483_647;

const wholeNumber = (least: number, most = MOST) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= least, `must be at least ${least}`)
    .refine((value) => value <= most, `must be at most ${most}`);

/** A setting without a default: `undefined` when it is not set. */
function optional<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return z
    .literal("")
    .transform(() => undefined)
    .or(schema);
}

const isUrl = (text: string, schemes: readonly string[]) =>
  schemes.includes(URL.parse(text)?.protocol ?? "");

const urlMustBegin = (schemes: readonly string[]) =>
  `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`;

const url = (schemes: readonly string[]) =>
  z.string().refine((text) => isUrl(text, schemes), urlMustBegin(schemes));

const urls = (schemes: readonly string[]) =>
  z
    .string()
    .transform((text) => text.split(",").map((url) => url.trim()))
    .refine((all) => all.every((one) => isUrl(one, schemes)), urlMustBegin(schemes));

/** An endpoint of the application that receives requests from this server. */
const receiverUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "";
}, "must be a URL that begins with http:// or https://, without user name and password");

const rootNames = z
  .string()
  .transform((text) => parseJson(text))
  .pipe(
    z.record(
      z.string(),
      z.enum(ROOT_TYPES, `must map each name to one of the types ${ROOT_TYPES.join(", ")}`),
      'must be a JSON object such as {"prosemirror": "XmlFragment"}',
    ),
  )
  .transform((types): RootNames => Object.entries(types));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isPort(address: string): boolean {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return port >= 1 && port <= 65_535;
}

const flag = z.enum(["true", "false"], "must be true or false").transform((v) => v === "true");

/** Every setting: its schema, its default as the user would write it, and its help text. */
const SETTINGS = {
  HOST: setting(z.string().min(1, "must not be empty"), "127.0.0.1", "address to listen on"),
  PORT: setting(
    wholeNumber(0, 65_535),
    "1234",
    "port to listen on; 0 picks a free port and logs it",
  ),
  DATA_DIR: setting(
    z.string().min(1, "must not be empty"),
    "./data",
    "directory for the embedded store",
  ),
  DATABASE_URL: setting(
    optional(url(["postgres:", "postgresql:"])),
    "",
    "PostgreSQL database for journal and metadata",
  ),
  S3_BUCKET: setting(
    optional(
      z.string().refine((name) => !name.includes("://"), "must be a bucket name, not a URL"),
    ),
    "",
    "S3 bucket for snapshots; region, endpoint and credentials come from AWS_REGION, AWS_ENDPOINT_URL_S3, …",
  ),
  S3_PREFIX: setting(z.string(), "", "prefix for the keys of all snapshots"),
  S3_FORCE_PATH_STYLE: setting(flag, "false", "true puts the bucket name in the path of S3 URLs"),
  S3_UNQUOTED_IF_MATCH: setting(flag, "false", "true sends ETags without quotes, as Ceph expects"),
  REDIS_URL: setting(
    optional(urls(["redis:", "rediss:"])),
    "",
    "Redis that carries updates between servers; several URLs separated by commas mean a Redis Cluster",
  ),
  DYNAMODB_TABLE: setting(
    optional(z.string()),
    "",
    "DynamoDB table through which servers find each other; region, endpoint and credentials come from AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB, …",
  ),
  SERVER_ADDRESS: setting(
    optional(
      z
        .string()
        .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s/]+):\d{1,5}$/, "must be host:port")
        .refine((address) => isPort(address), "must be host:port, with a port from 1 to 65535"),
    ),
    "",
    "host:port where other servers reach this one; by default from ECS, HOST or the first IPv4 address",
  ),
  CLUSTER_SECRET: setting(
    optional(z.string().min(16, "must have at least 16 characters")),
    "",
    "authenticates servers to each other; must be the same on all",
  ),
  ADMIN_TOKEN: setting(
    optional(z.string().min(16, "must have at least 16 characters")),
    "",
    "grants access to the dashboard, the API and the metrics; without it they are available only on loopback",
  ),
  AUTH_JWT_SECRET: setting(
    optional(z.string()),
    "",
    "secret that verifies room tokens (HS256); separate several with commas while rotating",
  ),
  AUTH_JWKS_URL: setting(
    optional(z.string()),
    "",
    "URL of the public keys that verify room tokens",
  ),
  AUTH_WEBHOOK_URL: setting(
    optional(z.string()),
    "",
    "URL of the application's endpoint that decides who may join a room",
  ),
  ALLOW_ANONYMOUS: setting(
    flag,
    "false",
    "true admits everyone, also on an address that is not loopback",
  ),
  ALLOWED_ORIGINS: setting(
    optional(z.string()),
    "",
    "comma-separated origins of pages that may connect and use the API, such as https://*.example.com; by default all pages may connect, and only the server's own may use the API",
  ),
  TLS_CERT_FILE: setting(
    optional(z.string()),
    "",
    "certificate and chain (PEM) for serving HTTPS; reloaded when it changes",
  ),
  TLS_KEY_FILE: setting(optional(z.string()), "", "private key of that certificate (PEM)"),
  TRUSTED_PROXIES: setting(
    wholeNumber(0),
    "0",
    "number of proxies in front of this server that add the client's address to X-Forwarded-For",
  ),
  CALLBACK_URL: setting(
    optional(receiverUrl),
    "",
    "URL that receives a POST some time after a document has changed",
  ),
  CALLBACK_DEBOUNCE_WAIT: setting(
    wholeNumber(1),
    "2000",
    "how long a document must be unchanged before that request, in milliseconds",
  ),
  CALLBACK_DEBOUNCE_MAXWAIT: setting(
    wholeNumber(1),
    "10000",
    "longest delay of that request after the first change, in milliseconds",
  ),
  CALLBACK_TIMEOUT: setting(
    wholeNumber(1),
    "5000",
    "how long the receiver may take to respond, in milliseconds",
  ),
  CALLBACK_OBJECTS: setting(
    rootNames,
    "{}",
    'root types of a document to send, by name, such as {"prosemirror": "XmlFragment"}',
  ),
  EVENTS_URL: setting(
    optional(receiverUrl),
    "",
    "URL that receives events: rooms opened, closed and deleted, users joining and leaving",
  ),
  CALLBACK_SECRET: setting(
    optional(z.string().min(16, "must have at least 16 characters")),
    "",
    "signs requests to CALLBACK_URL and EVENTS_URL",
  ),
  CONNECTIONS_RETENTION_DAYS: setting(
    wholeNumber(1, 36_500),
    "90",
    "how long closed connections stay in the metadata, in days",
  ),
  MAX_CONNECTION_RECORDS_PER_DAY: setting(
    wholeNumber(0),
    "1000000",
    "how many connections a server records per day; any beyond that are only counted",
  ),
  MAX_MEMORY_BYTES: setting(
    wholeNumber(0).refine(
      (bytes) => bytes === 0 || bytes >= LEAST_MEMORY_BYTES,
      `must be 0 or at least ${LEAST_MEMORY_BYTES}`,
    ),
    "0",
    "memory available to the process; 0 means that of its container or machine",
  ),
  MEMORY_GUARD_PERCENT: setting(
    wholeNumber(1).refine((percent) => percent <= 100, "must be at most 100"),
    "70",
    "share of that memory above which new clients are refused and the heaviest ones disconnected",
  ),
  MAX_MESSAGE_BYTES: setting(
    wholeNumber(1024),
    "67108864",
    "largest message from a client; if not set, at most 1/32 of the memory",
  ),
  MAX_DOCUMENT_BYTES: setting(
    wholeNumber(1024),
    "268435456",
    "largest encoded document; if not set, at most 1/16 of the memory",
  ),
  MAX_MESSAGES_PER_SECOND: setting(
    wholeNumber(1),
    "10000",
    "maximum messages per second from one connection; bursts may be twice that",
  ),
  MAX_LOOP_MS_PER_SECOND: setting(
    wholeNumber(1),
    "250",
    "event loop time per second that one connection may use; beyond it the client waits",
  ),
  MAX_LOOP_MS_PER_SECOND_PER_ADDRESS: setting(
    wholeNumber(1),
    "600",
    "the same for all connections from one address, while the event loop is under load",
  ),
  MAX_CONNECTIONS: setting(wholeNumber(1), "100000", "maximum connections to this server"),
  MAX_CONNECTIONS_PER_ROOM: setting(wholeNumber(1), "10000", "maximum connections to one room"),
  MAX_CONNECTIONS_PER_ADDRESS: setting(
    optional(wholeNumber(1)),
    "",
    "maximum connections from one address; behind a proxy, set TRUSTED_PROXIES too",
  ),
  MAX_ATTEMPTS_PER_SECOND: setting(
    optional(wholeNumber(1)),
    "",
    "maximum connection attempts per second from one address; behind a proxy, set TRUSTED_PROXIES too",
  ),
  SNAPSHOT_INTERVAL_MS: setting(
    wholeNumber(10),
    "30000",
    "how often an open document with changes is snapshotted",
  ),
  UNLOAD_DELAY_MS: setting(
    wholeNumber(0),
    "5000",
    "how long a document stays in memory after its last connection has closed",
  ),
  DELETED_ROOM_GRACE_MS: setting(
    wholeNumber(0),
    "60000",
    "how long a deleted room cannot be opened, so that clients that had it open do not restore it",
  ),
  GC: setting(flag, "true", "collect deleted content when compacting"),
  LOG_LEVEL: setting(
    z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
      error: "must be fatal, error, warn, info, debug, trace or silent",
    }),
    "info",
    "lowest level that is logged",
  ),
};

type Settings = typeof SETTINGS;

/** The values of all settings, by the names of their environment variables. */
export type Config = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer T> ? T : never;
};

/**
 * Reads the configuration from environment variables. An empty variable counts as not set.
 *
 * @param custom the parts that the application passes itself
 * @throws ConfigError naming the variable, its value and what it must be
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  custom: ReadonlySet<CustomPart> = new Set(),
): Config {
  const values: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    values[name] = parseSetting(name, environment[name] || SETTINGS[name].default);
  }
  const config = fitMemory(values as Config, (name) => Boolean(environment[name]));
  checkConfig(config, custom);
  return config;
}

/** Upper bounds for the defaults of these settings, as shares of the memory. */
const SHARES_OF_MEMORY = { MAX_MESSAGE_BYTES: 1 / 32, MAX_DOCUMENT_BYTES: 1 / 16 } as const;

/** Determines the available memory and caps those defaults accordingly. */
function fitMemory(config: Config, isSet: (name: string) => boolean): Config {
  const memory = config.MAX_MEMORY_BYTES || memoryOfMachine();
  const defaultOf = (name: keyof typeof SHARES_OF_MEMORY) =>
    isSet(name)
      ? config[name]
      : Math.min(config[name], Math.floor(memory * SHARES_OF_MEMORY[name]));
  return {
    ...config,
    MAX_MEMORY_BYTES: memory,
    MAX_MESSAGE_BYTES: defaultOf("MAX_MESSAGE_BYTES"),
    MAX_DOCUMENT_BYTES: defaultOf("MAX_DOCUMENT_BYTES"),
  };
}

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly (keyof Config)[];

/** The value of one setting. @throws ConfigError naming the setting, its text and what it must be */
export function parseSetting(name: keyof Config, text: string): unknown {
  const parsed = SETTINGS[name].schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const shown = SECRET.has(name) ? "" : `=${JSON.stringify(text)}`;
  throw new ConfigError(`${name}${shown}: ${reasonOf(parsed.error)}`);
}

/** Settings that may contain secrets: errors do not show their values. */
const SECRET: ReadonlySet<string> = new Set([
  "DATABASE_URL",
  "REDIS_URL",
  "CLUSTER_SECRET",
  "ADMIN_TOKEN",
  "CALLBACK_URL",
  "EVENTS_URL",
  "CALLBACK_SECRET",
]);

function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code !== "invalid_union") return issue?.message ?? "is not valid";
  return issue.errors.at(-1)?.[0]?.message ?? issue.message;
}

/** The text of `--help`: every setting with its default. */
export function describeSettings(): string {
  const width = Math.max(...Object.keys(SETTINGS).map((name) => name.length));
  return Object.entries(SETTINGS)
    .map(
      ([name, { default: fallback, help }]) =>
        `  ${name.padEnd(width)}  ${help}${fallback === "" ? "" : ` (default ${fallback})`}`,
    )
    .join("\n");
}
