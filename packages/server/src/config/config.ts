import { z } from "zod";
import { ROOT_TYPES, type RootNames } from "../room/root-types.ts";
import { ConfigError } from "../runtime/config-error.ts";
import { memoryOfMachine } from "../runtime/memory-limit.ts";
import { type CustomPart, checkConfig } from "./check-config.ts";

/** A server with less could take nobody. */
const LEAST_MEMORY_BYTES = 128 * 1024 * 1024;

interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly default: string;
  readonly help: string;
}

function setting<T>(schema: z.ZodType<T>, fallback: string, help: string): Setting<T> {
  return { schema, default: fallback, help };
}

/** Timers of Node fire at once when they are set to more, and some limits would count as none. */
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

/** Where the application takes requests of this program. */
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
      z.enum(ROOT_TYPES, `must have one of the types ${ROOT_TYPES.join(", ")} for each name`),
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

/** Every setting: its form, its default as it would be written, and what it means. */
const SETTINGS = {
  HOST: setting(z.string().min(1, "must not be empty"), "127.0.0.1", "address to listen on"),
  PORT: setting(
    wholeNumber(0, 65_535),
    "1234",
    "port to listen on; 0 picks a free one and logs it",
  ),
  DATA_DIR: setting(
    z.string().min(1, "must not be empty"),
    "./data",
    "directory of the embedded store",
  ),
  DATABASE_URL: setting(
    optional(url(["postgres:", "postgresql:"])),
    "",
    "PostgreSQL for journal and metadata",
  ),
  S3_BUCKET: setting(
    optional(
      z.string().refine((name) => !name.includes("://"), "must be the name of a bucket, not a URL"),
    ),
    "",
    "S3 bucket for snapshots; region, endpoint and credentials come from AWS_REGION, AWS_ENDPOINT_URL_S3, …",
  ),
  S3_PREFIX: setting(z.string(), "", "what the keys of all snapshots begin with"),
  S3_FORCE_PATH_STYLE: setting(flag, "false", "true puts the bucket into the path of S3 URLs"),
  S3_UNQUOTED_IF_MATCH: setting(
    flag,
    "false",
    "true sends ETags without quotes, as Ceph wants them",
  ),
  REDIS_URL: setting(
    optional(urls(["redis:", "rediss:"])),
    "",
    "Redis, which carries updates between servers; several URLs with commas mean a Redis Cluster",
  ),
  DYNAMODB_TABLE: setting(
    optional(z.string()),
    "",
    "DynamoDB table in which servers find each other; AWS_ENDPOINT_URL_DYNAMODB, …",
  ),
  SERVER_ADDRESS: setting(
    optional(
      z
        .string()
        .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s/]+):\d{1,5}$/, "must be host:port")
        .refine((address) => isPort(address), "must be host:port, with a port from 1 to 65535"),
    ),
    "",
    "host:port at which other servers reach this one; by default from ECS, HOST or the first IPv4 address",
  ),
  CLUSTER_SECRET: setting(
    optional(z.string().min(16, "must have at least 16 characters")),
    "",
    "authenticates servers to each other; the same on all",
  ),
  ADMIN_TOKEN: setting(
    optional(z.string().min(16, "must have at least 16 characters")),
    "",
    "opens the dashboard, the API and the metrics; without it they answer only on loopback",
  ),
  AUTH_JWT_SECRET: setting(
    optional(z.string()),
    "",
    "verifies room tokens (HS256); several with commas while one replaces another",
  ),
  AUTH_JWKS_URL: setting(
    optional(z.string()),
    "",
    "where the public keys are that verify room tokens",
  ),
  AUTH_WEBHOOK_URL: setting(optional(z.string()), "", "asks the application who may enter a room"),
  ALLOW_ANONYMOUS: setting(
    flag,
    "false",
    "true serves everybody who can reach an address that is not loopback",
  ),
  ALLOWED_ORIGINS: setting(
    optional(z.string()),
    "",
    "origins of pages that may connect and use the API, with commas, such as https://*.example.com; by default all may connect, and none but the server's own use the API",
  ),
  TLS_CERT_FILE: setting(
    optional(z.string()),
    "",
    "certificate and chain (PEM) with which to serve https; read again when it changes",
  ),
  TLS_KEY_FILE: setting(optional(z.string()), "", "the private key of that certificate (PEM)"),
  TRUSTED_PROXIES: setting(
    wholeNumber(0),
    "0",
    "how many proxies in front of this server tell the client's address in X-Forwarded-For",
  ),
  CALLBACK_URL: setting(
    optional(receiverUrl),
    "",
    "is sent a POST some time after a document has changed",
  ),
  CALLBACK_DEBOUNCE_WAIT: setting(
    wholeNumber(1),
    "2000",
    "how long a document must not change before that, in milliseconds",
  ),
  CALLBACK_DEBOUNCE_MAXWAIT: setting(
    wholeNumber(1),
    "10000",
    "how long after the first change it is sent at the latest, in milliseconds",
  ),
  CALLBACK_TIMEOUT: setting(
    wholeNumber(1),
    "5000",
    "how long the receiver may take to answer, in milliseconds",
  ),
  CALLBACK_OBJECTS: setting(
    rootNames,
    "{}",
    'what is sent of a document: names and types, such as {"prosemirror": "XmlFragment"}',
  ),
  EVENTS_URL: setting(
    optional(receiverUrl),
    "",
    "is sent rooms that are opened, closed and deleted, and users that join and leave",
  ),
  CALLBACK_SECRET: setting(
    optional(z.string().min(16, "must have at least 16 characters")),
    "",
    "signs what is sent to CALLBACK_URL and EVENTS_URL",
  ),
  CONNECTIONS_RETENTION_DAYS: setting(
    wholeNumber(1, 36_500),
    "90",
    "how long ended connections stay in the metadata",
  ),
  MAX_CONNECTION_RECORDS_PER_DAY: setting(
    wholeNumber(0),
    "1000000",
    "how many connections a server records in a day; those above are only counted",
  ),
  MAX_MEMORY_BYTES: setting(
    wholeNumber(0).refine(
      (bytes) => bytes === 0 || bytes >= LEAST_MEMORY_BYTES,
      `must be 0 or at least ${LEAST_MEMORY_BYTES}`,
    ),
    "0",
    "memory of the process; 0 means what its container, or the machine, has",
  ),
  MEMORY_GUARD_PERCENT: setting(
    wholeNumber(1).refine((percent) => percent <= 100, "must be at most 100"),
    "70",
    "share of that memory from which on new clients are refused and the heaviest are disconnected",
  ),
  MAX_MESSAGE_BYTES: setting(
    wholeNumber(1024),
    "67108864",
    "largest message from a client; without it, no more than a 32nd of the memory",
  ),
  MAX_DOCUMENT_BYTES: setting(
    wholeNumber(1024),
    "268435456",
    "largest encoded document; without it, no more than a 16th of the memory",
  ),
  MAX_MESSAGES_PER_SECOND: setting(
    wholeNumber(1),
    "10000",
    "most messages a second of one connection; for two seconds' worth at once",
  ),
  MAX_LOOP_MS_PER_SECOND: setting(
    wholeNumber(1),
    "250",
    "how long the event loop may work for one connection, a second; over it the client waits",
  ),
  MAX_LOOP_MS_PER_SECOND_PER_ADDRESS: setting(
    wholeNumber(1),
    "600",
    "the same for all connections of one address, while the event loop is loaded",
  ),
  MAX_CONNECTIONS: setting(wholeNumber(1), "100000", "most connections to this server"),
  MAX_CONNECTIONS_PER_ROOM: setting(wholeNumber(1), "10000", "most connections to one room"),
  MAX_CONNECTIONS_PER_ADDRESS: setting(
    optional(wholeNumber(1)),
    "",
    "most connections of one address; behind a proxy set TRUSTED_PROXIES too",
  ),
  MAX_ATTEMPTS_PER_SECOND: setting(
    optional(wholeNumber(1)),
    "",
    "most attempts of one address to connect, a second; behind a proxy set TRUSTED_PROXIES too",
  ),
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
  DELETED_ROOM_GRACE_MS: setting(
    wholeNumber(0),
    "60000",
    "how long nobody may open a room that was deleted: clients that had it open would bring it back",
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

type Settings = typeof SETTINGS;

/** The values of all settings, by the names of their environment variables. */
export type Config = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer T> ? T : never;
};

/**
 * Reads the configuration from environment variables. An empty variable counts as not set.
 *
 * @param given the parts that an application gives itself
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

/** What of the memory the defaults of these settings may take. */
const SHARES_OF_MEMORY = { MAX_MESSAGE_BYTES: 1 / 32, MAX_DOCUMENT_BYTES: 1 / 16 } as const;

/** Finds out how much memory there is, and fits those defaults to it. */
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

/** The value of one setting. @throws ConfigError naming it, its text and what it must be */
export function parseSetting(name: keyof Config, text: string): unknown {
  const parsed = SETTINGS[name].schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const shown = SECRET.has(name) ? "" : `=${JSON.stringify(text)}`;
  throw new ConfigError(`${name}${shown}: ${reasonOf(parsed.error)}`);
}

/** They hold passwords, which must not be shown. */
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
