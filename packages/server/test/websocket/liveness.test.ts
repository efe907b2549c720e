import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { Liveness } from "../../src/websocket/liveness.ts";
import { waitFor } from "../support/wait-for.ts";

const UPGRADE =
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";
/** The head of a masked message of 8 MB. */
const LONG_MESSAGE = Buffer.from("82ff0000000000800000" + "00000000", "hex");

let server: Server;
let client: Socket;
let liveness: Liveness;
let received: () => number;
let closed: () => boolean;

/** Connects a client that never responds to pings. */
beforeEach(async () => {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const webSockets = new WebSocketServer({ noServer: true });
  const upgraded = new Promise<void>((resolve) => {
    server.on("upgrade", (request, socket, head) => {
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on("error", () => webSocket.terminate());
        liveness = new Liveness(webSocket, socket, () => true);
        received = () => (socket as Socket).bytesRead;
        closed = () => webSocket.readyState === webSocket.CLOSED;
        resolve();
      });
    });
  });
  client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => client.destroy());
  client.resume();
  client.write(UPGRADE);
  await upgraded;
});

afterEach(async () => {
  client.destroy();
  server.close();
  await once(server, "close");
});

async function send(bytes: Uint8Array): Promise<void> {
  const before = received();
  client.write(bytes);
  await waitFor(() => received() === before + bytes.length, { message: "the bytes have arrived" });
}

describe("a client that does not respond to pings", () => {
  it("stays connected while a long message arrives at 1 KB/s, but not if it arrives more slowly", async () => {
    await send(LONG_MESSAGE);
    for (let pings = 0; pings < 5; pings++) {
      liveness.ping();
      expect(closed()).toBe(false);
      await send(Buffer.alloc(31 * 1024));
    }
    liveness.ping();
    await send(Buffer.alloc(29 * 1024));
    liveness.ping();
    await waitFor(closed, { message: "the connection has been closed" });
  });

  it("is disconnected at the second ping if nothing arrives", async () => {
    liveness.ping();
    expect(closed()).toBe(false);
    liveness.ping();
    await waitFor(closed, { message: "the connection has been closed" });
  });

  it("counts as present while a long message arrives, and as gone when nothing does", async () => {
    await send(LONG_MESSAGE);
    for (let checks = 0; checks < 5; checks++) {
      expect(liveness.check()).toBe(true);
      await send(Buffer.alloc(64));
      expect(liveness.silentFor).toBe(0);
    }
    expect(liveness.check()).toBe(true);
    expect(liveness.silentFor).toBeGreaterThan(0);
    expect(liveness.check()).toBe(false);
  });

  it("survives a probe while a long message arrives", async () => {
    await send(LONG_MESSAGE);
    liveness.probe();
    const until = performance.now() + 4_000;
    while (performance.now() < until) await send(Buffer.alloc(64));
    expect(closed()).toBe(false);
    liveness.ping();
    liveness.ping();
    await waitFor(closed, { message: "the connection has been closed" });
  });
});
