import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { allocateShared, SHARED_BYTES } from "../memory.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
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

/** How long another server may be silent: to connect, before it answers, and while it does. */
const SILENCE_MS = 3_000;
/** Requests to one server at a time; more wait. */
const REQUESTS_PER_SERVER = 8;
/** No document is larger than that. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024 * 1024;

/** Asks other servers over HTTP. */
export class HttpPeers implements Peers {
  readonly #secret: string;
  readonly #agent: Agent;
  readonly #closing: AbortController = new AbortController();

  /** @param secret authenticates this server to the others */
  constructor(secret: string) {
    this.#secret = secret;
    this.#agent = new Agent({ keepAlive: true, maxSockets: REQUESTS_PER_SERVER });
  }

  async ask(server: ServerAddress, room: string, request: PeerRequest): Promise<PeerAnswer> {
    try {
      const response = await this.#post(server, encodePeerRequest(room, request));
      switch (response.statusCode) {
        case 200:
          return { type: "state", state: decodePeerState(await readBody(response)) };
        case 404:
          response.resume();
          return { type: "absent" };
        case 409:
          response.resume();
          return { type: "opening" };
        default:
          response.resume();
          throw new PeerError(`${server} answered with status ${response.statusCode}`);
      }
    } catch (error) {
      if (error instanceof PeerError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new PeerError(`${server} could not be asked: ${reason}`, { cause: error });
    }
  }

  close(): void {
    this.#closing.abort(new PeerError("this server is shutting down"));
    this.#agent.destroy();
  }

  #post(server: ServerAddress, body: Uint8Array): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(`http://${server}${PEER_PATH}`, {
        method: "POST",
        agent: this.#agent,
        signal: this.#closing.signal,
        timeout: SILENCE_MS,
        headers: {
          authorization: `Bearer ${this.#secret}`,
          "content-type": "application/octet-stream",
          "content-length": body.length,
        },
      });
      request.once("response", resolve);
      // After the response has come, what goes wrong is an error of the response as well.
      request.on("error", reject);
      request.on("timeout", () => {
        request.destroy(new PeerError(`${server} was silent for ${SILENCE_MS} ms`));
      });
      request.end(body);
    });
  }
}

/** Reads a body into one array that worker threads can share when it is large. */
async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const length = Number(response.headers["content-length"]);
  if (!(length >= 0 && length <= MAX_ANSWER_BYTES)) {
    throw new MalformedError(`an answer of ${response.headers["content-length"]} bytes`);
  }
  const body = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
  let at = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    body.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw new MalformedError(`${at} of ${length} bytes came`);
  return body;
}
