import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Server as TlsServer, ServerOptions as TlsServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type HttpListener,
  hostOfUrl,
  type Listening,
  NOT_YET,
  type RequestHandlers,
} from "./http-listener.ts";
import { PipelinedRequests } from "./pipelined-requests.ts";
import { endSlowBody, leaveUnread } from "./slow-bodies.ts";

/** Speaks TLS, with a certificate that is renewed when its files change. */
export interface Tls {
  createServer(options: TlsServerOptions): TlsServer;
  /** Renews the certificate no more. */
  close(): void;
}

const OPTIONS = {
  // Whoever takes longer to send a request keeps a socket for nothing.
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  // How long a body may take depends on its size; see `endSlowBody`.
  requestTimeout: 0,
  connectionsCheckingInterval: 2_000,
  // Load balancers keep idle connections for up to two minutes. If the server ended one first, a request
  // that is on its way would fail.
  keepAliveTimeout: 125_000,
  // A token may have 32 KB, beside other headers.
  maxHeaderSize: 48 * 1024,
};

/** An HTTP server of Symphony's own. */
export class OwnListener implements HttpListener {
  readonly url: string;
  readonly listening: Listening;
  readonly #http: Server;
  readonly #tls: Tls | undefined;
  #handlers: RequestHandlers = NOT_YET;

  /**
   * Listens.
   *
   * @param tls is closed with the entrance, or when this throws
   * @throws the error of the socket when it cannot
   */
  static async open(host: string, port: number, tls: Tls | undefined): Promise<OwnListener> {
    const http = tls?.createServer(OPTIONS) ?? createServer(OPTIONS);
    try {
      http.listen(port, host);
      await once(http, "listening");
    } catch (error) {
      tls?.close();
      throw error;
    }
    return new OwnListener(http, host, tls);
  }

  private constructor(http: Server, host: string, tls: Tls | undefined) {
    this.#http = http;
    this.#tls = tls;
    const { port } = http.address() as AddressInfo;
    this.listening = { host, port };
    this.url = `${tls === undefined ? "http" : "https"}://${hostOfUrl(host)}:${port}`;
    const pipelined = new PipelinedRequests();
    http.on("request", (request, response) => {
      if (!pipelined.admit(request, response)) return;
      endSlowBody(request);
      leaveUnread(request, response);
      this.#handlers.request(request, response);
    });
    http.on("upgrade", (request, socket, head) => this.#handlers.upgrade(request, socket, head));
  }

  serve(handlers: RequestHandlers): void {
    this.#handlers = handlers;
  }

  close(): void {
    this.#tls?.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }
}
