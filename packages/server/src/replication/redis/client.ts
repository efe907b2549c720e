import { createClient, ErrorReply } from "redis";
import { onAbort } from "./abort.ts";
import { addressOf, type Endpoint, explain } from "./endpoint.ts";
import { RefusedError } from "./transport.ts";

export type Client = ReturnType<typeof create>;

const CONNECT_TIMEOUT_MS = 5_000;
/** A command that is not known: the server is too old, or no Redis. */
const REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM)\b|cluster support disabled|unknown command/i;

/**
 * Connects once. The library's own reconnecting is switched off: a connection that fails is thrown
 * away with all its state, and whoever wants another one opens it and knows that it is new.
 *
 * @param life ends the client when it is aborted, and is aborted when the connection ends, with an
 *   error that says why
 * @throws Error the reason of `life`, which is then aborted; a `RefusedError` if that is so
 */
export async function connectClient(
  endpoint: Endpoint,
  life: AbortController,
  prepare: (client: Client) => Promise<void> = async () => {},
): Promise<Client> {
  const late = setTimeout(() => {
    life.abort(failure(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`), endpoint));
  }, CONNECT_TIMEOUT_MS);
  const client = create(endpoint, life.signal);
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

/** An error of a server, for people to read. It has no cause: that could show a password. */
export function failure(error: unknown, endpoint: Endpoint): Error {
  const reason = explain(error, endpoint);
  const advice = /unknown command/i.test(reason) ? "; it must be Redis 7 or later" : "";
  const message = `Redis at ${addressOf(endpoint)}: ${reason}${advice}`;
  const isRefused = error instanceof ErrorReply && REFUSALS.test(error.message);
  return isRefused ? new RefusedError(message) : new Error(message);
}

function create({ host, port, tls, username, password }: Endpoint, signal: AbortSignal) {
  const reconnectStrategy = false as const;
  // Ends the socket also while it connects, which destroying the client does not.
  const socket = { host, port, signal, reconnectStrategy, connectTimeout: 0 };
  return createClient({
    socket: tls ? { ...socket, tls } : socket,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    // Without it each command would cost a timer; heartbeats find out when nothing is answered.
    commandOptions: { timeout: 0 },
  });
}
