import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { BalancedServer } from "@symphony/services/load-balancer";
import { WebSocketServer } from "ws";

/** Records requests, and accepts every client. While draining, it refuses them like a server. */
export class StandIn {
  draining = false;
  readonly requests: IncomingMessage[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request: IncomingMessage, response) => {
      if (request.url !== "/health/accepting") this.requests.push(request);
      response.writeHead(this.draining ? 503 : 200).end();
    });
    const webSockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      this.requests.push(request);
      if (this.draining)
        socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      else webSockets.handleUpgrade(request, socket, head, () => {});
    });
  }

  static async start(): Promise<StandIn> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new StandIn(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  balanced(name: string): BalancedServer {
    return { name, host: "127.0.0.1", port: this.port };
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
