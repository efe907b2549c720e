import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { MalformedError } from "../protocol/malformed-error.ts";
import { allocateShared, SHARED_BYTES } from "../runtime/memory.ts";
import { PeerError } from "./peers.ts";
import type { ServerAddress } from "./registry.ts";

/** How long another server may be silent: to connect, before it answers, and while it does. */
const SILENCE_MS = 3_000;
/** Requests to one server at a time; more wait. */
const REQUESTS_PER_SERVER = 8;

/** Sends requests to other servers over HTTP. */
export class ServerClient {
  readonly #secret: string;
  readonly #agent: Agent;
  readonly #closing: AbortController = new AbortController();

  /** @param secret authenticates this server to the others */
  constructor(secret: string) {
    this.#secret = secret;
    this.#agent = new Agent({ keepAlive: true, maxSockets: REQUESTS_PER_SERVER });
  }

  /**
   * Posts a body, and resolves when the answer begins. The other server may be silent for three
   * seconds, also while the answer is read.
   *
   * @param signal ends it earlier
   * @throws PeerError, or an error of the socket
   */
  post(
    server: ServerAddress,
    path: string,
    body: Uint8Array | string,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const closing = this.#closing.signal;
    return new Promise((resolve, reject) => {
      const request = httpRequest(`http://${server}${path}`, {
        method: "POST",
        agent: this.#agent,
        signal: signal === undefined ? closing : AbortSignal.any([closing, signal]),
        timeout: SILENCE_MS,
        headers: {
          authorization: `Bearer ${this.#secret}`,
          "content-type":
            typeof body === "string" ? "application/json" : "application/octet-stream",
          "content-length": Buffer.byteLength(body),
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

  /** Ends connections; requests under way fail. */
  close(): void {
    this.#closing.abort(new PeerError("this server is shutting down"));
    this.#agent.destroy();
  }
}

/**
 * Reads a body into one array that worker threads can share when it is large.
 *
 * @param limit the most bytes that it may have
 * @throws MalformedError, or an error of the socket
 */
export async function readBody(response: IncomingMessage, limit: number): Promise<Uint8Array> {
  const length = Number(response.headers["content-length"]);
  if (!(length >= 0 && length <= limit)) {
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

/** What went wrong when a server was asked. */
export function asPeerError(server: ServerAddress, error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new PeerError(`${server} could not be asked: ${reason}`, { cause: error });
}
