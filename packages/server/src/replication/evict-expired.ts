import type { Logger } from "pino";
import { resultWithin } from "../runtime/within.ts";
import type { Registry, ServerAddress } from "./registry.ts";
import type { Replicator } from "./replicator.ts";

/** How long a server without a lease has to show that it is there all the same. */
const ANSWER_MS = 1_000;

/**
 * Asks whether the other holders of documents are still alive, and takes the dead out of them. A
 * server that was started again is another one: what was known of its earlier run is over. Does not
 * reject.
 *
 * @param documents the holders of all open documents, each time that it is called
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
    logger.debug({ err: error }, "the leases of other servers cannot be read");
  }

  /** It may be cut off from the registry only, and serve its clients as before. */
  async function isThere(address: ServerAddress): Promise<boolean> {
    const replicator = others.get(address);
    if (replicator === undefined) return false;
    return (await resultWithin(ANSWER_MS, replicator.answers(address)))?.value ?? false;
  }
}
