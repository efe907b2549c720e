import type { Logger } from "pino";
import { resultWithin } from "../runtime/time-limit.ts";
import type { Registry, ServerAddress } from "./registry.ts";
import type { Replicator } from "./replicator.ts";

/** How long a server with an expired lease has to respond before it is evicted. */
const ANSWER_MS = 1_000;

/**
 * Checks whether the other holders of open documents are still alive, and evicts the dead ones. A
 * restarted server counts as a new one: the state known of its previous run is dropped. Does not
 * reject.
 *
 * @param documents returns the replicators of all currently open documents
 */
export async function evictExpired(
  documents: () => Iterable<Replicator>,
  registry: Registry,
  logger: Logger,
): Promise<void> {
  const others = new Map<ServerAddress, Replicator>();
  for (const replicator of documents())
    for (const other of replicator.others) others.set(other, replicator);
  if (others.size === 0) return;
  try {
    const addresses = [...others.keys()];
    for (const [address, incarnation] of (await registry.incarnations?.(addresses)) ?? []) {
      for (const replicator of documents()) replicator.foundRun(address, incarnation);
    }
    const lapsed = await registry.lapsed(addresses);
    const dead = await Promise.all(lapsed.map(async (one) => ((await isThere(one)) ? [] : [one])));
    const buried = dead.flat();
    if (buried.length === 0) return;
    for (const replicator of documents()) replicator.evict(buried);
  } catch (error) {
    logger.debug({ err: error }, "cannot read the leases of other servers");
  }

  /** The server may have lost only the registry, and still be serving its clients. */
  async function isThere(address: ServerAddress): Promise<boolean> {
    const replicator = others.get(address);
    if (replicator === undefined) return false;
    return (await resultWithin(ANSWER_MS, replicator.answers(address)))?.value ?? false;
  }
}
