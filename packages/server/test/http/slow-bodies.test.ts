import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { endSlowBody } from "../../src/entrance/slow-bodies.ts";
import { waitFor } from "../support/wait-for.ts";

const LOOK_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("a body may take as long as it needs at 1 KB a second, and is ended when it comes slower", async () => {
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
    await waitFor(() => bytes === due, { message: "it has come" });
  };
  for (let minutes = 0; minutes < 10; minutes++) {
    await send(31 * 1024);
    vi.advanceTimersByTime(LOOK_MS);
    expect(request.destroyed).toBe(false);
  }
  await send(29 * 1024);
  vi.advanceTimersByTime(LOOK_MS);
  await waitFor(() => request.destroyed, { message: "it is ended" });
  client.destroy();
  server.close();
  await once(server, "close");
});
