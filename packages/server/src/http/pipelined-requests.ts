import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests of one connection that may be under way at the same time: browsers and proxies send one. */
const MOST_PIPELINED = 2;

/**
 * Ends connections that send requests without waiting for answers. Node parses all that came in one
 * packet, some thousand requests, in one turn of the event loop, and others would wait for it.
 */
export class PipelinedRequests {
  readonly #underWay: WeakMap<Socket, number> = new WeakMap();

  /** @returns whether the request is to be answered */
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

/** What the parser asks after the head of each request; 2 means that what follows is no HTTP. */
interface ParsedSocket extends Socket {
  readonly parser?: { onIncoming?: () => number } | null;
}

/**
 * Lets the parser drop what it has of a connection that is ended: `destroy` does not stop it. Node has no
 * public way to do so; without this one it would make some thousand requests for nothing.
 */
function stopParsing({ parser }: ParsedSocket): void {
  if (parser?.onIncoming !== undefined) parser.onIncoming = () => 2;
}
