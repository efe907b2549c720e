import { join } from "../client/join.ts";
import type { Endpoint, WebSocketClient } from "../client/websocket-client.ts";
import { allowOpenFiles } from "../process/open-files.ts";
import { inBatches } from "../workload/in-batches.ts";

const JOINS_AT_ONCE = 100;
const CONNECTIONS_PER_ADDRESS = 20_000;
const OTHER_FILES = 500;

/** Idle connections: each has joined its room like a provider without content. */
export class IdleConnections {
  readonly #clients: WebSocketClient[] = [];
  #failure: string | undefined;

  /** Joins `rooms`, one connection each. `joined` is called for each with its document. */
  async join(
    endpoint: Endpoint,
    rooms: readonly string[],
    joined: (client: WebSocketClient, updates: readonly Buffer[]) => void = () => undefined,
  ): Promise<void> {
    allowOpenFiles(this.#clients.length + rooms.length + OTHER_FILES);
    await inBatches([...rooms.entries()], JOINS_AT_ONCE, async ([index, room]) => {
      const { client, updates } = await join(endpoint, room, this.#lost, localAddress(index));
      this.#clients.push(client);
      joined(client, updates);
    });
  }

  /** Throws if any connection ended by itself. */
  check(): void {
    if (this.#failure !== undefined) throw new Error(`a connection ended: ${this.#failure}`);
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#clients.length = 0;
  }

  readonly #lost = (reason: string): void => {
    this.#failure ??= reason;
  };
}

/** Linux accepts all of 127.0.0.0/8 as local; each address has its own ports. */
function localAddress(index: number): string {
  return `127.0.0.${1 + Math.floor(index / CONNECTIONS_PER_ADDRESS)}`;
}
