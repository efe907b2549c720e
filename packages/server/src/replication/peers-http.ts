import {
  decodePeerState,
  encodePeerRequest,
  PEER_PATH,
  type PeerAnswer,
  PeerError,
  type PeerRequest,
  type Peers,
} from "./peers.ts";
import type { ServerAddress } from "./registry.ts";
import { asPeerError, readBody, ServerClient } from "./server-client.ts";

/** No document is larger than this. */
export const MAX_DOCUMENT_ANSWER_BYTES: number = 4 * 1024 * 1024 * 1024;

/** Sends peer requests over HTTP. */
export class HttpPeers implements Peers {
  readonly #client: ServerClient;

  /** @param secret authenticates this server to the others */
  constructor(secret: string) {
    this.#client = new ServerClient(secret);
  }

  async ask(server: ServerAddress, room: string, request: PeerRequest): Promise<PeerAnswer> {
    try {
      const response = await this.#client.post(server, PEER_PATH, encodePeerRequest(room, request));
      switch (response.statusCode) {
        case 200: {
          const body = await readBody(response, MAX_DOCUMENT_ANSWER_BYTES);
          return { type: "state", state: decodePeerState(body) };
        }
        case 404:
          response.resume();
          return { type: "absent" };
        case 409:
          response.resume();
          return { type: "opening" };
        default:
          response.resume();
          throw new PeerError(`${server} responded with status ${response.statusCode}`);
      }
    } catch (error) {
      throw asPeerError(server, error);
    }
  }

  close(): void {
    this.#client.close();
  }
}
