import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterEach } from "vitest";
import { createServer, type ServerOptions, type SymphonyServer } from "../../src/index.ts";
import { temporaryDirectory } from "../support/server-process.ts";

export const silent = pino({ level: "silent" });

const releases: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

/** Registers a cleanup for the end of the test; the last registered runs first. */
export function whenDone(release: () => Promise<unknown>): void {
  releases.push(release);
}

/** Starts a silent server on a free port and closes it at the end of the test. */
export async function start(options: ServerOptions = {}): Promise<SymphonyServer> {
  const { settings, ...parts } = options;
  const defaults = { PORT: 0, DATA_DIR: await temporaryDirectory() };
  const server = await createServer({
    logger: silent,
    ...parts,
    settings: { ...defaults, ...settings },
  });
  whenDone(() => server.close());
  return server;
}

/** Listens on a free loopback port until the end of the test. */
export async function listen<S extends Server>(server: S): Promise<{ server: S; port: number }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  whenDone(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** An application that echoes the method and path of every request. */
export function application(listener: RequestListener = echo): Server {
  return createHttpServer(listener);
}

const echo: RequestListener = (request, response) => {
  response.end(`application: ${request.method} ${request.url}`);
};

export function wsUrl({ url }: SymphonyServer): string {
  return url.replace(/^http/, "ws");
}
