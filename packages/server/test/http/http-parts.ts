import { once } from "node:events";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { getRequestListener } from "@hono/node-server";
import { afterEach } from "vitest";
import type { ApiHono } from "../../src/runtime/http/api-hono.ts";

const releases: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

/** Registers a cleanup for the end of the test; the last registered runs first. */
export function whenDone(release: () => Promise<unknown>): void {
  releases.push(release);
}

/** Serves an application on a free port, on all interfaces, until the test ends. */
export async function serve(app: ApiHono): Promise<{ port: number }> {
  const server = createServer(getRequestListener(app.fetch));
  server.listen(0);
  await once(server, "listening");
  whenDone(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return { port: (server.address() as AddressInfo).port };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Sends a request exactly as given: `fetch` would change its path and some headers. */
export async function send(
  url: { readonly port: number; readonly path: string; readonly host?: string },
  options: {
    method?: string;
    headers?: OutgoingHttpHeaders;
    body?: Uint8Array | string;
    /** The local address to send from: every loopback address belongs to this machine. */
    localAddress?: string;
  } = {},
): Promise<Answer> {
  const { host = "127.0.0.1", port, path } = url;
  const { body, ...rest } = options;
  const outgoing = request({ host, port, path, agent: false, ...rest });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: await buffer(incoming),
  };
}

/** The detail of a response, which must be a problem document. */
export function detailOf(answer: Answer): string {
  const type = answer.headers["content-type"];
  if (type !== "application/problem+json") throw new Error(`the response has type ${type}`);
  const { status, detail } = JSON.parse(answer.body.toString());
  if (status !== answer.status)
    throw new Error(`the problem says ${status}, the response ${answer.status}`);
  return detail;
}
