import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { resultWithin } from "../../runtime/time-limit.ts";
import type { Bus } from "../bus.ts";
import { RedisBus } from "./bus.ts";
import { ClusterLinks } from "./cluster-links.ts";
import { PLAIN } from "./connection.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { Link } from "./link.ts";
import { RefusedError } from "./transport.ts";

const FIRST_TIMEOUT_MS = 2_000;

/**
 * Opens the bus on the Redis server at this URL, or on the Redis Cluster that the servers at these
 * URLs belong to. Redis may be down: the bus then has a `problem`, and keeps trying.
 *
 * @returns resolves when the first attempt to connect has succeeded or failed, or after two seconds
 * @throws Error if a URL is not a valid Redis URL
 * @throws RefusedError if Redis refuses this user within that time. No error contains a password.
 */
export async function openRedisBus(urls: readonly string[], logger: Logger): Promise<Bus> {
  const [first, ...others] = urls.map(parseEndpoint);
  if (first === undefined) throw new Error("no Redis URL is given");
  const transport =
    others.length === 0 ? openLink(first, logger) : new ClusterLinks([first, ...others], logger);
  const outcome = await resultWithin(FIRST_TIMEOUT_MS, transport.firstOutcome);
  if (outcome?.value instanceof RefusedError) {
    await transport.close();
    throw outcome.value;
  }
  return new RedisBus(transport, logger);
}

function openLink(endpoint: Endpoint, logger: Logger): Link {
  const heartbeat = `symphony:heartbeat:${randomUUID()}`;
  return new Link({
    endpoint,
    pubSub: PLAIN,
    heartbeat: () => heartbeat,
    onDoubt: () => {},
    logger,
  });
}
