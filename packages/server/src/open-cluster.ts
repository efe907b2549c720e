import type { Logger } from "pino";
import { alone } from "./cluster/alone.ts";
import type { Cluster } from "./cluster/holders.ts";
import { HttpPeers } from "./cluster/http-peers.ts";
import type { ServerAddress } from "./cluster/registry.ts";
import type { Config } from "./config.ts";

/** So long a dead server's clients may still seem to be there. */
const LEASE_MS = 10_000;
const RENEW_MS = 2_500;

/**
 * Joins the cluster that the configuration names; without one the server is alone.
 *
 * @throws RegistryError, or an error of Redis that trying again does not help against
 */
export async function openCluster(
  config: Config,
  address: ServerAddress,
  logger: Logger,
): Promise<Cluster> {
  const { REDIS_URL, DYNAMODB_TABLE, CLUSTER_SECRET } = config;
  if (REDIS_URL === undefined || DYNAMODB_TABLE === undefined || CLUSTER_SECRET === undefined) {
    return alone(address);
  }
  // Loaded only here: a server that is alone starts faster without them.
  const [{ openRedisBus }, { openDynamoRegistry }] = await Promise.all([
    import("./cluster/redis/open.ts"),
    import("./cluster/dynamodb/open.ts"),
  ]);
  const bus = await openRedisBus(REDIS_URL, logger);
  try {
    const registry = await openDynamoRegistry({
      table: DYNAMODB_TABLE,
      address,
      logger,
      leaseMs: LEASE_MS,
      renewMs: RENEW_MS,
    });
    return { address, bus, registry, peers: new HttpPeers(CLUSTER_SECRET) };
  } catch (error) {
    await bus.close();
    throw error;
  }
}
