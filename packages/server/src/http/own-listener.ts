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

/** Creates TLS servers whose certificate is renewed when its files change. */
export interface Tls {
  createServer(options: TlsServerOptions): TlsServer;
  /** Stops renewing the certificate. */
  close(): void;
}

const OPTIONS = {
  // A client that takes longer to send its headers only ties up a socket.
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  // The time limit for a body depends on its size; see `endSlowBody`.
  requestTimeout: 0,
  connectionsCheckingInterval: 2_000,
  // Load balancers keep idle connections for up to two minutes. If the server closed one first, a request
  // already on its way would fail.
  keepAliveTimeout: 125_000,
  // A token may be up to 32 KB, in addition to other headers.
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
   * Starts listening.
   *
   * @param tls closed with the listener, or if this throws
   * @throws the socket's error if it cannot listen
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
