import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface HttpService {
  readonly url: string;
  /** The bodies of the received requests, in order. */
  readonly requests: string[];
  /** Handles the next requests. */
  answer: (response: ServerResponse, body: string) => void;
  close(): Promise<void>;
}

/** A local stand-in for a web service of the application. */
export async function startHttpService(answer: HttpService["answer"]): Promise<HttpService> {
  const server = createServer((request, response) => void respond(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const service: HttpService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests: [],
    answer,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    service.requests.push(body);
    service.answer(response, body);
  }
  return service;
}

/** Responds with JSON. */
export function json(
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): HttpService["answer"] {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
}

/** Responds with a status and no body. */
export function status(code: number): HttpService["answer"] {
  return (response) => response.writeHead(code).end();
}

/** Sends a body piece by piece and never ends. */
export function endless(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  const timer = setInterval(() => response.write(" "), 50);
  response.on("close", () => clearInterval(timer));
}

/** Does not respond. */
export function silence(): void {}
