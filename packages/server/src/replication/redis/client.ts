import { createClient, ErrorReply } from "redis";
import { onAbort } from "./abort.ts";
import { addressOf, type Endpoint, reasonWithoutPassword } from "./endpoint.ts";
import { RefusedError } from "./transport.ts";

export type Client = ReturnType<typeof newClient>;

const CONNECT_TIMEOUT_MS = 5_000;
/**
 * Errors that retrying does not fix. An unknown command means that the server is too old, or not
 * Redis.
 */
const REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM)\b|cluster support disabled|unknown command/i;

/**
 * Connects once. The library's automatic reconnection is disabled: a failed connection is discarded
 * with all its state, and callers open a new one explicitly, so they know that it is new.
 *
 * @param life closes the client when it is aborted; is itself aborted when the connection ends,
 *   with an error that says why
 * @throws Error the abort reason of `life`; a `RefusedError` if the server refused this client
 */
export async function connectClient(
  endpoint: Endpoint,
  life: AbortController,
  prepare: (client: Client) => Promise<void> = async () => {},
): Promise<Client> {
  const late = setTimeout(() => {
    life.abort(failure(new Error(`no response within ${CONNECT_TIMEOUT_MS} ms`), endpoint));
  }, CONNECT_TIMEOUT_MS);
  const client = newClient(endpoint, life.signal);
  client.on("error", (error: unknown) => life.abort(failure(error, endpoint)));
  onAbort(life.signal, () => client.destroy());
  try {
    await client.connect();
    await prepare(client);
    life.signal.throwIfAborted();
    return client;
  } catch (error) {
    life.abort(failure(error, endpoint));
    throw life.signal.reason;
  } finally {
    clearTimeout(late);
  }
}

/**
 * Makes a readable error of a server's error. It has no `cause`, which could contain a password.
 */
export function failure(error: unknown, endpoint: Endpoint): Error {
  const reason = reasonWithoutPassword(error, endpoint);
  const advice = /unknown command/i.test(reason) ? "; it must be Redis 7 or later" : "";
  const message = `Redis at ${addressOf(endpoint)}: ${reason}${advice}`;
  const isRefused = error instanceof ErrorReply && REFUSALS.test(error.message);
  return isRefused ? new RefusedError(message) : new Error(message);
}

function newClient({ host, port, tls, username, password }: Endpoint, signal: AbortSignal) {
  const reconnectStrategy = false as const;
  // The signal closes the socket even while it is connecting; destroying the client does not.
  const socket = { host, port, signal, reconnectStrategy, connectTimeout: 0 };
  return createClient({
    socket: tls ? { ...socket, tls } : socket,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    // A timeout would cost a timer for each command; heartbeats detect a server that does not
    // respond.
    commandOptions: { timeout: 0 },
  });
}
