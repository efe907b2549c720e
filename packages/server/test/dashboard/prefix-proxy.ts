import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A reverse proxy that serves a server under a path prefix: it forwards `/prefix/x` as `/x`. */
export class PrefixProxy {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** @param prefix such as `/tools/symphony` */
  static async start(target: number, prefix: string): Promise<PrefixProxy> {
    const server = createServer((incoming, outgoing) => {
      const { method, headers, url = "" } = incoming;
      if (!url.startsWith(`${prefix}/`)) {
        outgoing.writeHead(404).end();
        return;
      }
      const path = url.slice(prefix.length);
      const passed = request(
        { host: "127.0.0.1", port: target, method, path, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      passed.on("error", () => outgoing.destroy());
      outgoing.on("close", () => passed.destroy());
      incoming.pipe(passed);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return new PrefixProxy(server, `http://127.0.0.1:${port}${prefix}`);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
