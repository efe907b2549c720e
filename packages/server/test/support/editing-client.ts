import * as Y from "yjs";
import { RawClient } from "./raw-client.ts";
import type { RawMessage } from "./raw-messages.ts";

/**
 * A client that keeps its document across any number of connections, as a provider does, and records
 * which of its own updates the server has echoed.
 */
export class EditingClient {
  readonly doc: Y.Doc = new Y.Doc();
  /**
   * Its own clock below which everything has been acknowledged: echoed as an update or in the answer to
   * its state vector, or covered by the state vector with which the server asks for missing updates. The
   * server promises that all of it is durable.
   */
  acknowledged = 0;
  /** Why its connection has closed, or `null`. It does not reconnect by itself. */
  closeCode: number | null = null;
  /** Its own insertions that were echoed as deleted: clock and length of each range. */
  readonly acknowledgedDeletes: [clock: number, length: number][] = [];
  /** How many messages with content it has received. */
  received = 0;
  /** When it last received a message, as a `performance.now()` timestamp. */
  heardAt = 0;
  #connection: RawClient | undefined;
  #attempts = 0;

  constructor() {
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this && this.#connection?.isOpen) this.#connection.sendUpdate(update);
    });
  }

  /** Its own clock: the number of changes it has made. */
  get clock(): number {
    return Y.getState(this.doc.store, this.doc.clientID);
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen ?? false;
  }

  /** Returns which of the changes acknowledged to this client a document lacks. */
  missingFrom(doc: Y.Doc): string[] {
    const missing: string[] = [];
    const { clientID } = this.doc;
    const clock = Y.getState(doc.store, clientID);
    if (clock < this.acknowledged) missing.push(`${this.acknowledged - clock} insertions`);
    const { ds } = Y.snapshot(doc);
    for (const [start, length] of this.acknowledgedDeletes) {
      if (!Y.isDeleted(ds, Y.createID(clientID, start + length - 1)))
        missing.push(`delete ${start}`);
    }
    return missing;
  }

  /** Connects. An earlier connection that still seems open is ignored from now on, in both directions. */
  async connect(wsUrl: string, room: string): Promise<void> {
    const attempt = ++this.#attempts;
    const connection = await RawClient.connect(wsUrl, room, {
      keep: false,
      onMessage: (message, client) => {
        if (attempt === this.#attempts) this.#receive(client, message);
      },
    });
    this.#connection = connection;
    this.closeCode = null;
    void connection.closed.then(({ code }) => {
      if (attempt === this.#attempts) this.closeCode = code;
    });
    this.heardAt = performance.now();
    connection.sendStep1(Y.encodeStateVector(this.doc));
  }

  async disconnect(): Promise<void> {
    await this.#connection?.close();
  }

  /** Waits until the connection closes, whichever side closes it. */
  async disconnected(): Promise<number> {
    return (await this.#connection?.closed)?.code ?? 0;
  }

  /** Closes the connection without waiting for the server. */
  terminate(): void {
    this.#connection?.terminate();
  }

  #receive(connection: RawClient, message: RawMessage): void {
    this.heardAt = performance.now();
    if (message.type === "step1") {
      const known = Y.decodeStateVector(message.stateVector).get(this.doc.clientID) ?? 0;
      this.acknowledged = Math.max(this.acknowledged, known);
      connection.send({
        type: "step2",
        update: Y.encodeStateAsUpdate(this.doc, message.stateVector),
      });
    } else if (message.type === "step2" || message.type === "update") {
      this.received++;
      this.#noteEcho(message.update);
      Y.applyUpdate(this.doc, message.update, this);
    }
  }

  #noteEcho(update: Uint8Array): void {
    const { clientID } = this.doc;
    const own = Y.parseUpdateMeta(update).to.get(clientID) ?? 0;
    this.acknowledged = Math.max(this.acknowledged, own);
    for (const { clock, len } of Y.decodeUpdate(update).ds.clients.get(clientID) ?? []) {
      this.acknowledgedDeletes.push([clock, len]);
    }
  }
}
