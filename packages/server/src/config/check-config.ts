import { isIPv4, isIPv6 } from "node:net";
import { ConfigError } from "../runtime/config-error.ts";
import { MAX_STORABLE_DOCUMENT_BYTES } from "../storage/postgres/snapshot-limits.ts";
import { keepsSnapshotsInDatabase } from "./cluster-stores.ts";
import type { Config } from "./config.ts";

/** A part that the application passes to the server instead of configuring it with settings. */
export type CustomPart =
  | "attachTo"
  | "access"
  | "journal"
  | "snapshots"
  | "metadata"
  | "bus"
  | "registry";

const AUTH = ["AUTH_JWT_SECRET", "AUTH_JWKS_URL", "AUTH_WEBHOOK_URL"] as const;

/**
 * Rejects configurations that would admit everyone by accident, lose data, or not work.
 *
 * @param custom the parts that the application passes instead of settings
 * @throws ConfigError
 */
export function checkConfig(config: Config, custom: ReadonlySet<CustomPart>): void {
  checkAccess(config, custom);
  checkCluster(config, custom);
  checkTls(config, custom);
  if (config.S3_BUCKET === undefined && config.S3_PREFIX !== "") {
    throw new ConfigError("S3_PREFIX needs S3_BUCKET: a prefix is set, but no bucket");
  }
}

/** Rejects contradictory access control, and a server that would be open to others by accident. */
function checkAccess(config: Config, custom: ReadonlySet<CustomPart>): void {
  const [decides, other] = [
    ...(custom.has("access") ? (["access"] as const) : []),
    ...AUTH.filter((name) => config[name] !== undefined),
  ];
  if (other !== undefined) {
    throw new ConfigError(`${decides} and ${other} are both set; remove one of them`);
  }
  if (decides !== undefined && config.ALLOW_ANONYMOUS) {
    throw new ConfigError(
      `ALLOW_ANONYMOUS=true would admit clients that ${decides} rejects; remove one of them`,
    );
  }
  if (decides !== undefined || config.ALLOW_ANONYMOUS) return;
  // The application's address may not be known yet, and a proxy in front of it never is.
  if (custom.has("attachTo")) {
    throw new ConfigError(
      "attachTo needs access control, or anyone could edit every document; " +
        `pass access, set one of ${AUTH.join(", ")}, or set ALLOW_ANONYMOUS=true if that is intended`,
    );
  }
  if (!isLoopbackHost(config.HOST)) {
    throw new ConfigError(
      `HOST=${JSON.stringify(config.HOST)} is not a loopback address, so anyone could edit every document; ` +
        `set one of ${AUTH.join(", ")}, or set ALLOW_ANONYMOUS=true if that is intended`,
    );
  }
}

/** Servers that share documents must share every store that holds them. */
function checkCluster(config: Config, custom: ReadonlySet<CustomPart>): void {
  const source = (part: CustomPart, ...names: readonly (keyof Config)[]) => {
    if (custom.has(part)) return part;
    return names.find((name) => config[name] !== undefined);
  };
  /** @param options settings of which one is enough; the first is what most should use */
  const needs = (
    name: string | undefined,
    part: CustomPart,
    options: readonly (keyof Config)[],
    why: string,
  ) => {
    if (name === undefined || source(part, ...options) !== undefined) return;
    const ways = custom.size > 0 ? [...options, part] : options;
    throw new ConfigError(`${name} needs ${ways.join(" or ")}: ${why}`);
  };
  const bus = source("bus", "REDIS_URL");
  const exchange = "servers that share documents exchange updates over it";
  needs(source("registry", "DYNAMODB_TABLE"), "bus", ["REDIS_URL"], exchange);
  if (bus === undefined) return;
  const registries = ["DATABASE_URL", "DYNAMODB_TABLE"] as const;
  needs(bus, "registry", registries, "without it servers cannot find each other's documents");
  if (config.CLUSTER_SECRET === undefined) {
    throw new ConfigError(
      `${bus} needs CLUSTER_SECRET: servers authenticate with it before they exchange documents`,
    );
  }
  const lost = "a journal on a server's own disk is lost with that server";
  needs(bus, "journal", ["DATABASE_URL"], lost);
  needs(bus, "metadata", ["DATABASE_URL"], "all servers must list the same rooms");
  const shared = ["S3_BUCKET", "DATABASE_URL"] as const;
  needs(bus, "snapshots", shared, "all servers must read the same snapshots");
  checkDocumentSize(config, custom);
}

/** A document that is too large for its store would stay in the journal, and in memory. */
function checkDocumentSize(config: Config, custom: ReadonlySet<CustomPart>): void {
  const { MAX_DOCUMENT_BYTES } = config;
  if (!keepsSnapshotsInDatabase(config, custom)) return;
  if (MAX_DOCUMENT_BYTES <= MAX_STORABLE_DOCUMENT_BYTES) return;
  throw new ConfigError(
    `MAX_DOCUMENT_BYTES=${MAX_DOCUMENT_BYTES} needs S3_BUCKET: without it snapshots are in PostgreSQL, ` +
      `which stores documents of up to ${MAX_STORABLE_DOCUMENT_BYTES} bytes`,
  );
}

/** Built-in TLS is only for a single server that listens on its own port. */
function checkTls(config: Config, custom: ReadonlySet<CustomPart>): void {
  const { TLS_CERT_FILE, TLS_KEY_FILE } = config;
  if (TLS_CERT_FILE === undefined && TLS_KEY_FILE === undefined) return;
  if (TLS_KEY_FILE === undefined) {
    throw new ConfigError(
      "TLS_CERT_FILE needs TLS_KEY_FILE: a certificate is useless without its private key",
    );
  }
  if (TLS_CERT_FILE === undefined) {
    throw new ConfigError(
      "TLS_KEY_FILE needs TLS_CERT_FILE: a private key is useless without its certificate",
    );
  }
  if (custom.has("attachTo")) {
    throw new ConfigError(
      "TLS_CERT_FILE cannot be used with attachTo: configure TLS on the application's server instead",
    );
  }
  const bus = custom.has("bus") ? "bus" : "REDIS_URL";
  if (bus === "bus" || config.REDIS_URL !== undefined) {
    throw new ConfigError(
      `TLS_CERT_FILE cannot be used with ${bus}: servers in a cluster call each other over plain HTTP ` +
        "on the same port, in a private network; terminate TLS at the load balancer",
    );
  }
}

function isLoopbackHost(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  if (isIPv6(host)) return host === "::1";
  return host === "localhost";
}
