import { isIPv4, isIPv6 } from "node:net";
import { ConfigError } from "../runtime/config-error.ts";
import type { Config } from "./config.ts";

/** What an application gives to the server itself, instead of naming it in the settings. */
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
 * Refuses what would let in anybody by accident, and set-ups that would lose something or not work.
 *
 * @param given the parts that are not chosen by settings
 * @throws ConfigError
 */
export function checkConfig(config: Config, custom: ReadonlySet<CustomPart>): void {
  checkAccess(config, custom);
  checkCluster(config, custom);
  checkTls(config, custom);
  if (config.S3_BUCKET === undefined && config.S3_PREFIX !== "") {
    throw new ConfigError("S3_PREFIX needs S3_BUCKET: it is set, but no bucket is");
  }
}

/** Who is let in must not be left to chance. */
function checkAccess(config: Config, custom: ReadonlySet<CustomPart>): void {
  const [decides, other] = [
    ...(custom.has("access") ? (["access"] as const) : []),
    ...AUTH.filter((name) => config[name] !== undefined),
  ];
  if (other !== undefined) {
    throw new ConfigError(`${decides} and ${other} are both set; one of them must decide`);
  }
  if (decides !== undefined && config.ALLOW_ANONYMOUS) {
    throw new ConfigError(`ALLOW_ANONYMOUS=true would let in those whom ${decides} keeps out`);
  }
  if (decides !== undefined || config.ALLOW_ANONYMOUS) return;
  // Where the application listens may not be known yet, and what stands in front of it never is.
  if (custom.has("attachTo")) {
    throw new ConfigError(
      "attachTo needs somebody who decides who may come in, or anybody could edit every document; " +
        `give access, set one of ${AUTH.join(", ")}, or ALLOW_ANONYMOUS=true if that is what you want`,
    );
  }
  if (!isLoopback(config.HOST)) {
    throw new ConfigError(
      `HOST=${JSON.stringify(config.HOST)} is not a loopback address, so anybody could edit every document; ` +
        `set one of ${AUTH.join(", ")}, or ALLOW_ANONYMOUS=true if that is what you want`,
    );
  }
}

/** Servers that share documents must share everything that these consist of. */
function checkCluster(config: Config, custom: ReadonlySet<CustomPart>): void {
  const source = (part: CustomPart, name: keyof Config) => {
    if (custom.has(part)) return part;
    return config[name] === undefined ? undefined : name;
  };
  const needs = (name: string | undefined, part: CustomPart, other: keyof Config, why: string) => {
    if (name === undefined || source(part, other) !== undefined) return;
    const instead = custom.size > 0 ? ` or ${part}` : "";
    throw new ConfigError(`${name} needs ${other}${instead}: ${why}`);
  };
  const bus = source("bus", "REDIS_URL");
  needs(bus, "registry", "DYNAMODB_TABLE", "without it servers do not find each other's documents");
  needs(
    source("registry", "DYNAMODB_TABLE"),
    "bus",
    "REDIS_URL",
    "servers that share documents need it to exchange updates",
  );
  if (bus !== undefined && config.CLUSTER_SECRET === undefined) {
    throw new ConfigError(
      `${bus} needs CLUSTER_SECRET: servers give documents to each other only with it`,
    );
  }
  const lost = "what a server journals on its own disk is lost with it";
  needs(bus, "journal", "DATABASE_URL", lost);
  needs(bus, "metadata", "DATABASE_URL", "all servers must tell of the same rooms");
  needs(bus, "snapshots", "S3_BUCKET", "all servers must read the same snapshots");
}

/** TLS of the server itself is for one that is alone and has its own port. */
function checkTls(config: Config, custom: ReadonlySet<CustomPart>): void {
  const { TLS_CERT_FILE, TLS_KEY_FILE } = config;
  if (TLS_CERT_FILE === undefined && TLS_KEY_FILE === undefined) return;
  if (TLS_KEY_FILE === undefined) {
    throw new ConfigError(
      "TLS_CERT_FILE needs TLS_KEY_FILE: a certificate is of no use without its private key",
    );
  }
  if (TLS_CERT_FILE === undefined) {
    throw new ConfigError(
      "TLS_KEY_FILE needs TLS_CERT_FILE: a private key is of no use without its certificate",
    );
  }
  if (custom.has("attachTo")) {
    throw new ConfigError(
      "TLS_CERT_FILE cannot be used with attachTo: give the certificate to the application's server",
    );
  }
  const bus = custom.has("bus") ? "bus" : "REDIS_URL";
  if (bus === "bus" || config.REDIS_URL !== undefined) {
    throw new ConfigError(
      `TLS_CERT_FILE cannot be used with ${bus}: servers of a cluster call each other by plain HTTP ` +
        "at the same port, in a private network; let the load balancer speak TLS",
    );
  }
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  if (isIPv6(host)) return host === "::1";
  return host === "localhost";
}
