import { ByteReader } from "./byte-reader.ts";
import {
  EMPTY_STATE_VECTOR,
  EMPTY_UPDATE,
  MESSAGE_SYNC,
  SYNC_STEP_1,
  SYNC_STEP_2,
  syncMessage,
} from "./messages.ts";
import { type Endpoint, WebSocketClient } from "./websocket-client.ts";

export interface Joined {
  readonly client: WebSocketClient;
  /**
   * The document: the encoded updates up to and including the server's first step 2, after which a
   * provider counts as synced. A server may send part of the document as updates before that.
   */
  readonly updates: readonly Buffer[];
}

const JOIN_TIMEOUT_MS = 60_000;

/**
 * Joins a room like a provider without content: sends step 1, answers the server's step 1, and has
 * joined once the server's step 2 arrives. Afterwards, `lost` is called if the connection ends.
 * Rejects if joining takes over a minute or the connection ends first.
 */
export function join(
  endpoint: Endpoint,
  room: string,
  lost: (reason: string) => void,
  localAddress?: string,
): Promise<Joined> {
  return new Promise((resolve, reject) => {
    const reader = new ByteReader();
    const updates: Buffer[] = [];
    let client: WebSocketClient | undefined;
    let joined = false;
    const timer = setTimeout(() => {
      client?.close();
      reject(new Error(`joining ${room} took over ${JOIN_TIMEOUT_MS / 1000} s`));
    }, JOIN_TIMEOUT_MS);
    const fail = (reason: string): void => {
      clearTimeout(timer);
      if (joined) lost(reason);
      else reject(new Error(`joining ${room}: ${reason}`));
    };
    const listener = {
      message(buffer: Buffer, start: number, end: number): void {
        if (client === undefined) return;
        reader.reset(buffer, start, end);
        if (reader.unsigned() !== MESSAGE_SYNC) return;
        const kind = reader.unsigned();
        if (kind === SYNC_STEP_1) client.send(syncMessage(SYNC_STEP_2, EMPTY_UPDATE));
        if (kind === SYNC_STEP_1 || joined) return;
        const length = reader.unsigned();
        const update = Buffer.allocUnsafeSlow(length);
        buffer.copy(update, 0, reader.position, reader.position + length);
        updates.push(update);
        if (kind !== SYNC_STEP_2) return;
        joined = true;
        clearTimeout(timer);
        resolve({ client, updates });
      },
      lost: fail,
    };
    WebSocketClient.connect(endpoint, room, listener, localAddress).then(
      (connected) => {
        client = connected;
        connected.send(syncMessage(SYNC_STEP_1, EMPTY_STATE_VECTOR));
      },
      (error: Error) => fail(error.message),
    );
  });
}

/** Returns the document that a new client of `room` receives, as encoded updates. */
export async function fetchDocument(endpoint: Endpoint, room: string): Promise<readonly Buffer[]> {
  const { client, updates } = await join(endpoint, room, () => undefined);
  client.close();
  return updates;
}
