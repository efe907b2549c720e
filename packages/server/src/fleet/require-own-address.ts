import type { ServerAddress } from "../replication/registry.ts";
import { ServerClient } from "../replication/server-client.ts";
import { ConfigError } from "../runtime/config-error.ts";
import { CALLS_PATH } from "./server-call-messages.ts";

/** How long another server has to say that the address is its own. */
const ANSWER_MS = 2_000;

/**
 * Makes sure that no other server answers at the address of this one: two of the same address would take
 * each other's lease, connections and documents for their own. It is called while this server listens and
 * does not serve yet, so whoever answers as a server of the cluster is another one.
 *
 * When nobody answers, nothing is said of it: the way from a server to itself may be closed.
 *
 * @throws ConfigError
 */
export async function requireOwnAddress(address: ServerAddress, secret: string): Promise<void> {
  const status = await statusAt(address, secret);
  const refuse = (who: string) => {
    throw new ConfigError(
      `SERVER_ADDRESS=${address}: ${who} answers there already; each server needs an address of its own`,
    );
  };
  if (status === 200) refuse("another server");
  if (status === 401) refuse("a server with another CLUSTER_SECRET");
}

async function statusAt(address: ServerAddress, secret: string): Promise<number | null> {
  const client = new ServerClient(secret);
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await client.post(address, `${CALLS_PATH}/status`, "{}", signal);
    response.resume();
    return response.statusCode ?? null;
  } catch {
    // Nobody is there, or nobody who can be asked.
    return null;
  } finally {
    client.close();
  }
}
