import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What stands before a server answers a request, or ends the connection without an answer. */
type Refusal = { readonly status: number; readonly retryAfter?: string } | "hang up";

/**
 * Stands before a server as a load balancer does, and refuses the first updates that come, in this order.
 *
 * @returns its URL
 */
export async function startBusyFront(serverUrl: string, refusals: Refusal[]): Promise<string> {
  const front = createServer((request, response) => {
    const refusal = request.method === "POST" ? refusals.shift() : undefined;
    if (refusal === undefined) void pass(serverUrl, request, response);
    else if (refusal === "hang up") request.socket.destroy();
    else {
      const { status, retryAfter } = refusal;
      const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
      response.writeHead(status, headers).end(`refused with ${status}`);
    }
  });
  onTestFinished(
    () =>
      new Promise((resolve) => {
        front.close(() => resolve());
        front.closeAllConnections();
      }),
  );
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
}

async function pass(
  serverUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = await fetch(serverUrl + request.url, {
      method: request.method ?? "GET",
      headers: { "content-type": request.headers["content-type"] ?? "" },
      ...(request.method === "POST" ? { body: Buffer.concat(chunks) } : {}),
    });
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  } catch {
    // As a load balancer says it.
    response.writeHead(502).end();
  }
}
