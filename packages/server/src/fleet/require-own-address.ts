import type { ServerAddress } from "../replication/registry.ts";
import { ServerClient } from "../replication/server-client.ts";
import { ConfigError } from "../runtime/config-error.ts";
import { CALLS_PATH } from "./server-call-messages.ts";

/** How long to wait for a response at the address. */
const ANSWER_MS = 2_000;

/**
 * Makes sure that no other server uses this server's address: two servers with the same address
 * would treat each other's lease, connections and documents as their own. Call it while this server
 * is listening but not serving yet, so that any cluster server that responds is another one.
 *
 * No response is not an error: a server may be unable to reach itself.
 *
 * @throws ConfigError
 */
export async function requireOwnAddress(address: ServerAddress, secret: string): Promise<void> {
  const status = await statusAt(address, secret);
  const refuse = (who: string) => {
    throw new ConfigError(
      `SERVER_ADDRESS=${address}: ${who} already responds there; give each server its own address`,
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
    // Nothing responds there, or it cannot be reached.
    return null;
  } finally {
    client.close();
  }
}
