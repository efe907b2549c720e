import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface S3Request {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface S3Reply {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
  /** After how many bytes of the body the connection breaks or falls silent. */
  readonly cut?: { readonly after: number; readonly then: "break" | "silence" };
}

type Handler = (request: S3Request, forward: () => Promise<S3Reply>) => Promise<S3Reply>;

/** A proxy between the snapshots and S3 that sees every request and can respond in place of S3. */
export class S3Proxy {
  readonly requests: S3Request[] = [];
  /** Handles each request; forwards it by default. */
  handler: Handler = (_, forward) => forward();
  /** The maximum number of concurrent requests so far. */
  mostAtOnce: number = 0;
  #underWay = 0;
  readonly #server: Server;

  private constructor(target: URL) {
    this.#server = createServer((incoming, response) => {
      void this.#answer(target, incoming, response);
    });
  }

  /** @param target for example `http://127.0.0.1:1234` */
  static async start(target: string): Promise<S3Proxy> {
    const proxy = new S3Proxy(new URL(target));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(target: URL, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#underWay);
    try {
      const body = await buffer(incoming);
      const { method = "", url = "", headers } = incoming;
      const request = { method, url, headers };
      this.requests.push(request);
      send(response, await this.handler(request, () => forward(target, incoming, body)));
    } catch {
      // One side has closed, so close the other.
      response.destroy();
    } finally {
      this.#underWay--;
    }
  }
}

/** Forwards all headers unchanged: the signature covers the host. */
async function forward(target: URL, incoming: IncomingMessage, body: Buffer): Promise<S3Reply> {
  const { method, url, headers } = incoming;
  const { hostname, port } = target;
  const request = httpRequest({ hostname, port, method, path: url, headers, agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return {
    status: response.statusCode ?? 502,
    headers: response.headers,
    body: await buffer(response),
  };
}

function send(response: ServerResponse, reply: S3Reply): void {
  const { status, headers = {}, body = Buffer.alloc(0), cut } = reply;
  response.writeHead(status, headers);
  if (cut === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, cut.after), () => {
    if (cut.then === "break") response.destroy();
  });
}
