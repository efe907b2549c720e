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

/** One request that came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** On the clock of `performance.now()`. */
  readonly at: number;
}

const receivers: TestReceiver[] = [];
afterAll(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});

/** A program of the application that is told what happens. It ends with the test file. */
export class TestReceiver {
  /** Everything that came, in order. */
  readonly requests: Received[] = [];
  /** How the next requests are answered: with 200 at first. */
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

  /** The callbacks of one room. */
  of(room: string): Received[] {
    return this.requests.filter(
      ({ body }) => (JSON.parse(body) as { room?: string }).room === room,
    );
  }

  /** Is there again, at the same port. */
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
