import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Entrance, hostOfUrl, type Listening, NOT_YET, type Visitors } from "./entrance.ts";

/** Whoever takes longer to send a request keeps a socket for nothing. */
const SLOW_CLIENTS = {
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 2_000,
};

/** An HTTP server of Symphony's own. */
export class OwnEntrance implements Entrance {
  readonly url: string;
  readonly listening: Listening;
  readonly #http: Server;
  #visitors: Visitors = NOT_YET;

  /** Listens. @throws the error of the socket when it cannot */
  static async open(host: string, port: number): Promise<OwnEntrance> {
    const http = createServer(SLOW_CLIENTS);
    http.listen(port, host);
    await once(http, "listening");
    return new OwnEntrance(http, host);
  }

  private constructor(http: Server, host: string) {
    this.#http = http;
    const { port } = http.address() as AddressInfo;
    this.listening = { host, port };
    this.url = `http://${hostOfUrl(host)}:${port}`;
    http.on("request", (request, response) => this.#visitors.request(request, response));
    http.on("upgrade", (request, socket, head) => this.#visitors.upgrade(request, socket, head));
  }

  serve(visitors: Visitors): void {
    this.#visitors = visitors;
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
  }
}
