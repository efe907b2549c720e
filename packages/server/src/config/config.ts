import { z } from "zod";
import { ConfigError } from "../runtime/config-error.ts";
import {
  flag,
  hostAndPort,
  optional,
  receiverUrl,
  rootNames,
  url,
  urls,
  wholeNumber,
} from "./setting-forms.ts";

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
    "PostgreSQL database for journal and metadata; in a cluster also for what S3_BUCKET and DYNAMODB_TABLE would hold",
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
    "DynamoDB table through which servers find each other, instead of the database; region, endpoint and credentials come from AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB, …",
  ),
  SERVER_ADDRESS: setting(
    optional(hostAndPort),
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
    "largest encoded document; if not set, at most 1/16 of the memory, and 64 MiB in a cluster without S3_BUCKET",
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

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly (keyof Config)[];

/**
 * Returns the values of all settings. A setting without text, or with an empty one, has its default.
 *
 * @throws ConfigError naming the setting, its text and what it must be
 */
export function parseSettings(texts: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    values[name] = parseSetting(name, texts[name] || SETTINGS[name].default);
  }
  return values as Config;
}

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
