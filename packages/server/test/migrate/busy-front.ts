import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** The response to a refused request; `"hang up"` closes the connection without a response. */
type Refusal = { readonly status: number; readonly retryAfter?: string } | "hang up";

/**
 * Starts a proxy that forwards requests like a load balancer, but refuses the first updates, in this order.
 *
 * @returns the proxy's URL
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
    // The response of a load balancer.
    response.writeHead(502).end();
  }
}
