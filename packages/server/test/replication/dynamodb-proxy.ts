import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface ProxiedRequest {
  /** For example `UpdateItem`. */
  readonly operation: string;
  readonly body: string;
}

export interface ProxiedReply {
  readonly status: number;
  readonly body: string;
}

type Handler = (
  request: ProxiedRequest,
  forward: () => Promise<ProxiedReply>,
) => Promise<ProxiedReply>;

/**
 * A proxy between a registry and DynamoDB: sees every request, and can answer instead of DynamoDB.
 */
export class DynamoDbProxy {
  readonly requests: ProxiedRequest[] = [];
  /** Responds to requests. The default forwards them. */
  handler: Handler = (_, forward) => forward();
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer((request, response) => {
      void this.#answer(target, request).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(body);
      });
    });
  }

  static async start(target: string): Promise<DynamoDbProxy> {
    const proxy = new DynamoDbProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Returns the operations on one item so far, in order. */
  operationsOn(id: string): string[] {
    return this.requests
      .filter(({ body }) => body.includes(JSON.stringify({ S: id })))
      .map(({ operation }) => operation);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(target: string, incoming: IncomingMessage): Promise<ProxiedReply> {
    const header = (name: string) => String(incoming.headers[name] ?? "");
    const body = await text(incoming);
    const request = { operation: header("x-amz-target").split(".")[1] ?? "", body };
    this.requests.push(request);
    try {
      return await this.handler(request, async () => {
        const names = ["content-type", "x-amz-target", "x-amz-date", "authorization"];
        const headers = Object.fromEntries(names.map((name) => [name, header(name)]));
        const reply = await fetch(target, { method: "POST", headers, body });
        return { status: reply.status, body: await reply.text() };
      });
    } catch (error) {
      return { status: 502, body: JSON.stringify({ message: String(error) }) };
    }
  }
}
