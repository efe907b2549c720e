import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A proxy between clients and servers, like a load balancer, that can drop connections. */
export class SwitchProxy {
  readonly #server: Server;
  readonly #pairs: Set<{ readonly client: Socket; readonly server: Socket }> = new Set();
  readonly #stranded: Set<Socket> = new Set();
  #target: number;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#join(client));
  }

  /** @param target a port on the loopback address */
  static async start(target: number): Promise<SwitchProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SwitchProxy(server, target);
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Routes new connections to this port. */
  route(target: number): void {
    this.#target = target;
  }

  /** Ends all connections on both sides. */
  cut(): void {
    for (const { client, server } of [...this.#pairs]) {
      client.destroy();
      server.destroy();
    }
  }

  /** Ends all connections on the clients' side. On the servers' side they stay open, but silent. */
  strand(): void {
    for (const pair of [...this.#pairs]) {
      this.#pairs.delete(pair);
      this.#stranded.add(pair.server);
      pair.server.unpipe();
      pair.server.pause();
      pair.client.unpipe();
      pair.client.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    for (const socket of this.#stranded) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(client: Socket): void {
    const server = connect(this.#target, "127.0.0.1");
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.setNoDelay(true);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        if (this.#pairs.delete(pair)) other.destroy();
      });
      one.pipe(other);
    }
  }
}
