import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests that may be in progress on one connection: browsers and proxies send one at a time. */
const MOST_PIPELINED = 2;

/**
 * Ends connections that pipeline requests. Node parses all requests in a packet, possibly thousands, in
 * one turn of the event loop, which would block everyone else.
 */
export class PipelinedRequests {
  readonly #underWay: WeakMap<Socket, number> = new WeakMap();

  /** @returns whether to handle the request */
  admit({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (socket.destroyed) return false;
    const count = this.#underWay.get(socket) ?? 0;
    if (count >= MOST_PIPELINED) {
      stopParsing(socket);
      socket.destroy();
      return false;
    }
    this.#underWay.set(socket, count + 1);
    response.once("close", () => {
      this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1);
    });
    return true;
  }
}

/** The parser calls `onIncoming` after the head of each request; 2 means that no HTTP follows. */
interface ParsedSocket extends Socket {
  readonly parser?: { onIncoming?: () => number } | null;
}

/**
 * Makes the parser drop its remaining input for a destroyed connection: `destroy` does not stop it. Node
 * has no public API for this; without it, the parser would emit thousands of requests for nothing.
 */
function stopParsing({ parser }: ParsedSocket): void {
  if (parser?.onIncoming !== undefined) parser.onIncoming = () => 2;
}
