import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { OpenPart, ServerOptions } from "../config/server-options.ts";
import type { Bus } from "../replication/bus.ts";
import type { Cluster } from "../replication/cluster.ts";
import { alone } from "../replication/cluster.ts";
import { HttpPeers } from "../replication/peers-http.ts";
import type { Registry, ServerAddress } from "../replication/registry.ts";

/** How long the clients of a crashed server may still appear to be connected. */
const LEASE_MS = 10_000;
const RENEW_MS = 2_500;

/** The parts that connect servers, if the application provides them itself. */
export type CustomCluster = Pick<ServerOptions, "bus" | "registry">;

/** Whether this server belongs to a cluster. */
export function isMember(config: Config, { bus }: CustomCluster): boolean {
  return config.REDIS_URL !== undefined || bus !== undefined;
}

/**
 * Joins the cluster, through the application's own bus and registry or the configured ones. Without a
 * cluster, the server is alone.
 *
 * @throws RegistryError, or an error from Redis that retrying cannot resolve
 */
export async function openCluster(
  config: Config,
  custom: CustomCluster,
  address: ServerAddress,
  logger: Logger,
): Promise<Cluster> {
  const { CLUSTER_SECRET } = config;
  if (!isMember(config, custom) || CLUSTER_SECRET === undefined) return alone(address);
  const incarnation = randomBytes(6).readUIntBE(0, 6);
  const member = { address, incarnation, logger };
  const bus = await (custom.bus ?? redisBus(config))(member);
  try {
    const registry = await (custom.registry ?? configuredRegistry(config))(member);
    return { address, incarnation, bus, registry, peers: new HttpPeers(CLUSTER_SECRET) };
  } catch (error) {
    await Promise.allSettled([bus.close()]);
    throw error;
  }
}

// Loaded only here: a server without a cluster starts faster without them.

function redisBus({ REDIS_URL = [] }: Config): OpenPart<Bus> {
  return async ({ logger }) => {
    const { openRedisBus } = await import("../replication/redis/open.ts");
    return openRedisBus(REDIS_URL, logger);
  };
}

function configuredRegistry(config: Config): OpenPart<Registry> {
  const { DYNAMODB_TABLE: table, DATABASE_URL: url = "" } = config;
  const times = { leaseMs: LEASE_MS, renewMs: RENEW_MS };
  return async (member) => {
    if (table !== undefined) {
      const { openDynamoRegistry } = await import("../replication/dynamodb/open.ts");
      return openDynamoRegistry({ table, ...member, ...times });
    }
    const { openPostgresRegistry } = await import("../replication/postgres/open.ts");
    return openPostgresRegistry({ url, ...member, ...times });
  };
}
