import { checkRoomName } from "../protocol/room-name.ts";
import { ClosedError, type RoomTable } from "../room/room-table.ts";
import { DocumentClient, type DocumentClientOptions } from "./document-client.ts";
import type { ServerDocument } from "./server-document.ts";

export interface ServerDocumentsOptions extends DocumentClientOptions {
  readonly rooms: RoomTable;
}

/** The documents opened by code in this process. */
export class ServerDocuments {
  readonly #options: ServerDocumentsOptions;
  readonly #open: Set<DocumentClient> = new Set();
  #closing = false;

  constructor(options: ServerDocumentsOptions) {
    this.#options = options;
  }

  /**
   * Opens a room for code in this process. A room may be opened any number of times; each call creates
   * another client.
   *
   * @throws RoomNameError; ClosedError if the server is shutting down; DeletedError while the room is
   *   being deleted; StorageError, CorruptedError or RegistryError if it cannot be read; WorkerError
   */
  async open(room: string): Promise<ServerDocument> {
    checkRoomName(room);
    const session = await this.#options.rooms.open(room);
    let client: DocumentClient;
    try {
      if (this.#closing) throw new ClosedError("the server is shutting down");
      client = new DocumentClient(session, this.#options);
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
    this.#open.add(client);
    void client.closed.then(() => this.#open.delete(client));
    await client.load();
    return client;
  }

  /** Closes all documents with 1012 and opens no more. Earlier writes can still become durable. */
  close(): void {
    this.#closing = true;
    for (const client of this.#open) client.end(new ClosedError("the server is shutting down"));
  }
}
