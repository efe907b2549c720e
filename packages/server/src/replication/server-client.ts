import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { MalformedError } from "../protocol/malformed-error.ts";
import { allocateShared, SHARED_BYTES } from "../runtime/byte-memory.ts";
import { reasonOf } from "../runtime/reason.ts";
import { PeerError } from "./peers.ts";
import type { ServerAddress } from "./registry.ts";

/**
 * How long another server may be silent while connecting, before responding, and during the
 * response.
 */
const SILENCE_MS = 3_000;
/** Concurrent requests to one server; further ones queue. */
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
   * Posts a body, and resolves when the response begins. Fails if the other server is silent for
   * three seconds, also while the response is being read.
   *
   * @param signal aborts the request
   * @throws PeerError, or a socket error
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
      // Once the response has begun, errors are emitted on the response as well.
      request.on("error", reject);
      request.on("timeout", () => {
        request.destroy(new PeerError(`${server} was silent for ${SILENCE_MS} ms`));
      });
      request.end(body);
    });
  }

  /** Closes connections; pending requests fail. */
  close(): void {
    this.#closing.abort(new PeerError("this server is shutting down"));
    this.#agent.destroy();
  }
}

/**
 * Reads a body into one array. A large one is allocated so that worker threads can share it.
 *
 * @param limit maximum size in bytes
 * @throws MalformedError, or a socket error
 */
export async function readBody(response: IncomingMessage, limit: number): Promise<Uint8Array> {
  const length = Number(response.headers["content-length"]);
  if (!(length >= 0 && length <= limit)) {
    throw new MalformedError(
      `a response with content-length ${response.headers["content-length"]}; the limit is ${limit} bytes`,
    );
  }
  const body = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
  let at = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    body.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw new MalformedError(`the response ended after ${at} of ${length} bytes`);
  return body;
}

/** Wraps an error of a request to another server. */
export function asPeerError(server: ServerAddress, error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  const reason = reasonOf(error);
  return new PeerError(`the request to ${server} failed: ${reason}`, { cause: error });
}
