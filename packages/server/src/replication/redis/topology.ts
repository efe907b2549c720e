import { withTimeLimit } from "../../runtime/time-limit.ts";
import { type Client, connectClient, failure } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Link } from "./link.ts";
import { RefusedError } from "./transport.ts";

/** Slots `from` to `to`, inclusive, and the server that owns them. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly server: Endpoint;
}

type Slots = Awaited<ReturnType<Client["clusterSlots"]>>;

const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Reads the topology of a Redis Cluster: asks its servers one after the other until one responds.
 *
 * @param links asked first, because they are connected
 * @param seeds asked over a temporary connection
 * @throws Error the last failure, or the first `RefusedError` if there was one
 */
export async function readTopology(
  links: readonly Link[],
  seeds: readonly Endpoint[],
  closing: AbortSignal,
): Promise<readonly SlotRange[]> {
  let failed: unknown = new Error("no server of the Redis Cluster is known");
  const attempts = [
    ...shuffled(links).map((link) => () => askLink(link)),
    ...shuffled(seeds).map((seed) => () => askSeed(seed, closing)),
  ];
  for (const attempt of attempts) {
    if (closing.aborted) break;
    try {
      return await attempt();
    } catch (error) {
      if (!(failed instanceof RefusedError)) failed = error;
    }
  }
  throw failed;
}

async function askLink(link: Link): Promise<readonly SlotRange[]> {
  return rangesOf(await answered(link.slots()), link.endpoint);
}

async function askSeed(seed: Endpoint, closing: AbortSignal): Promise<readonly SlotRange[]> {
  const life = new AbortController();
  const end = (): void => life.abort(new Error("closed"));
  closing.addEventListener("abort", end);
  try {
    const client = await connectClient(seed, life);
    return rangesOf(await answered(client.clusterSlots()), seed);
  } catch (error) {
    throw life.signal.aborted ? life.signal.reason : failure(error, seed);
  } finally {
    closing.removeEventListener("abort", end);
    end();
  }
}

/** A server that does not know its own address means the one at which it was reached. */
function rangesOf(slots: Slots, asked: Endpoint): readonly SlotRange[] {
  if (slots.length === 0) throw new Error("the Redis Cluster has no slots yet");
  return slots.map(({ from, to, master: { host, port } }) => ({
    from,
    to,
    server: { ...asked, host: host || asked.host, port },
  }));
}

function answered<Result>(slots: Promise<Result>): Promise<Result> {
  const late = () => new Error(`no response within ${ANSWER_TIMEOUT_MS} ms`);
  return withTimeLimit(ANSWER_TIMEOUT_MS, late, () => slots);
}

/** Spreads the requests over the servers, so that an outdated view is not read every time. */
function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
