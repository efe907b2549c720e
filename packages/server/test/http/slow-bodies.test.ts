import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { endSlowBody } from "../../src/http/slow-bodies.ts";
import { startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const LOOK_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("a body may take any time at 1 KB/s, but is aborted if it arrives more slowly", async () => {
  const server = createServer({ requestTimeout: 0 }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const requested = once(server, "request");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => client.destroy());
  client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  const [request] = (await requested) as [IncomingMessage];
  let bytes = 0;
  request.on("data", (piece: Buffer) => {
    bytes += piece.length;
  });
  request.on("error", () => {});
  endSlowBody(request);
  const send = async (length: number) => {
    const due = bytes + length;
    client.write(Buffer.alloc(length));
    await waitFor(() => bytes === due, { message: "the bytes have arrived" });
  };
  for (let minutes = 0; minutes < 10; minutes++) {
    await send(31 * 1024);
    vi.advanceTimersByTime(LOOK_MS);
    expect(request.destroyed).toBe(false);
  }
  await send(29 * 1024);
  vi.advanceTimersByTime(LOOK_MS);
  await waitFor(() => request.destroyed, { message: "the request has been aborted" });
  client.destroy();
  server.close();
  await once(server, "close");
});

const HEAD = "POST /api/rooms/room/updates HTTP/1.1\r\nHost: a\r\n";
const PIECE = Buffer.alloc(1024 * 1024);
const PIECES = 400;

it("the server stops reading a large body once it has refused the request", async () => {
  const server = await startServer({ env: { ADMIN_TOKEN: "the token of an administrator" } });
  for (const length of [`Content-Length: ${PIECES * PIECE.length}`, "Transfer-Encoding: chunked"]) {
    const client = connect(server.port, "127.0.0.1");
    client.on("error", () => client.destroy());
    let answer = "";
    client.setEncoding("latin1");
    client.on("data", (text) => {
      answer += text;
    });
    client.write(`${HEAD}${length}\r\n\r\n`);
    const isChunked = length.startsWith("T");
    let sent = 0;
    while (sent < PIECES && !client.destroyed) {
      if (isChunked) client.write(`${PIECE.length.toString(16)}\r\n`);
      const isTaken = new Promise((resolve) => client.write(PIECE, resolve));
      if (isChunked) client.write("\r\n");
      await Promise.race([isTaken, once(client, "close")]);
      if (!client.destroyed) sent++;
    }
    expect(answer).toContain("HTTP/1.1 401");
    // The operating system buffers part of it on both sides.
    expect(sent).toBeLessThan(40);
  }
});
