import type { Logger } from "pino";
import type { Holders } from "./holders.ts";
import type { Registry, ServerAddress } from "./registry.ts";

/**
 * Asks whether the other holders of documents are still alive, and takes the dead out of them. Does
 * not reject.
 *
 * @param documents the holders of all open documents, each time that it is called
 */
export async function buryDead(
  documents: () => Iterable<Holders>,
  registry: Registry,
  logger: Logger,
): Promise<void> {
  const others = new Set<ServerAddress>();
  for (const holders of documents()) for (const other of holders.others) others.add(other);
  if (others.size === 0) return;
  try {
    const dead = await registry.lapsed([...others]);
    if (dead.length === 0) return;
    for (const holders of documents()) holders.bury(dead);
  } catch (error) {
    logger.debug({ err: error }, "the leases of other servers cannot be read");
  }
}
