import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll } from "vitest";

/** One request received. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** A `performance.now()` timestamp. */
  readonly at: number;
}

const receivers: TestReceiver[] = [];
afterAll(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});

/** The application's webhook receiver. It is closed when the test file ends. */
export class TestReceiver {
  /** All requests received, in order. */
  readonly requests: Received[] = [];
  /** The response to the next requests; initially 200. */
  answer: (response: ServerResponse, received: Received) => void = ok;
  readonly #server = createServer((request, response) => void this.#respond(request, response));
  #port = 0;

  static async start(): Promise<TestReceiver> {
    const receiver = new TestReceiver();
    await receiver.listen();
    receivers.push(receiver);
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  /** The callbacks for one room. */
  of(room: string): Received[] {
    return this.requests.filter(
      ({ body }) => (JSON.parse(body) as { room?: string }).room === room,
    );
  }

  /** Starts listening, again on the same port. */
  async listen(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received: Received = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: await text(request),
      at: performance.now(),
    };
    this.requests.push(received);
    this.answer(response, received);
  }
}

export function ok(response: ServerResponse): void {
  response.end();
}
