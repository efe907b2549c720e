import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TcpProxy } from "./tcp-proxy.ts";
import { waitFor } from "./wait-for.ts";

let service: Server;
let proxy: TcpProxy;
let served: Socket[];
let clients: Client[];

beforeEach(async () => {
  served = [];
  clients = [];
  // Echoes what it receives, and says "bye" when it has received everything.
  service = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(socket);
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end("bye"));
    socket.on("data", (bytes) => socket.write(bytes));
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  proxy = await TcpProxy.start((service.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  for (const socket of served) socket.destroy();
  await proxy.close();
  service.close();
  await once(service, "close");
});

class Client {
  readonly socket: Socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  readonly #received: Buffer[] = [];
  isClosed = false;

  constructor() {
    clients.push(this);
    this.socket.on("data", (bytes) => this.#received.push(bytes));
    this.socket.on("end", () => this.socket.end());
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  async receives(bytes: Uint8Array): Promise<void> {
    await waitFor(() => this.received.length >= bytes.length, {
      message: "all expected bytes have arrived",
    });
    expect(this.received.equals(bytes)).toBe(true);
  }

  async closes(): Promise<void> {
    await waitFor(() => this.isClosed, { message: "the connection has closed" });
  }
}

/** Several megabytes, more than sockets buffer. */
function large(): Buffer {
  return Buffer.from(Uint8Array.from({ length: 8 * 1024 * 1024 }, (_, i) => i % 251));
}

/** A complete exchange, which proves that everything sent before has arrived too. */
async function works(): Promise<void> {
  const client = new Client();
  client.socket.end("hello");
  await client.receives(Buffer.from("hellobye"));
  await client.closes();
}

describe("a TCP proxy", () => {
  it("forwards every byte, and ends each direction independently", async () => {
    const client = new Client();
    const bytes = large();
    client.socket.end(bytes);
    await client.receives(Buffer.concat([bytes, Buffer.from("bye")]));
    await client.closes();
  });

  it("ends open and new connections while cut, and works again once restored", async () => {
    const before = new Client();
    before.socket.write("a");
    await before.receives(Buffer.from("a"));
    proxy.cut();
    await before.closes();
    await waitFor(() => served.every(({ destroyed }) => destroyed), {
      message: "the service's connections have ended too",
    });
    const meanwhile = new Client();
    meanwhile.socket.write("b");
    await meanwhile.closes();
    expect(meanwhile.received).toHaveLength(0);
    proxy.restore();
    await works();
  });

  it("keeps silenced connections open, and loses what was sent on them", async () => {
    const client = new Client();
    client.socket.write("a");
    await client.receives(Buffer.from("a"));
    proxy.silence();
    client.socket.write("lost");
    const meanwhile = new Client();
    meanwhile.socket.write("lost");
    await waitFor(() => served.length === 2, {
      message: "the second connection has been accepted",
    });
    served[0]?.write("lost as well");
    expect(client.isClosed || meanwhile.isClosed).toBe(false);
    proxy.restore();
    await Promise.all([client.closes(), meanwhile.closes()]);
    expect(client.received.toString()).toBe("a");
    expect(meanwhile.received).toHaveLength(0);
    await works();
  });

  it("delays both directions, and keeps the order if the delay is shortened", async () => {
    const client = new Client();
    client.socket.write("a");
    await client.receives(Buffer.from("a"));
    proxy.delay(100);
    const since = performance.now();
    client.socket.write("b");
    await client.receives(Buffer.from("ab"));
    expect(performance.now() - since).toBeGreaterThanOrEqual(195);
    served[0]?.write("c");
    await waitFor(() => served[0]?.writableLength === 0, {
      message: "the service has sent its data",
    });
    proxy.restore();
    served[0]?.write("d");
    await client.receives(Buffer.from("abcd"));
  });

  it("breaks after exactly the given number of bytes, in the middle of a message", async () => {
    const client = new Client();
    await waitFor(() => served.length === 1, { message: "the client is connected" });
    const bytes = large();
    proxy.breakAfter(1_000_001);
    served[0]?.write(bytes);
    await client.closes();
    expect(client.received.equals(bytes.subarray(0, 1_000_001))).toBe(true);
    await works();
  });

  it("ends the connection if the service is unreachable", async () => {
    const other = await TcpProxy.start(1);
    try {
      const socket = connect(other.port, "127.0.0.1");
      socket.on("error", () => socket.destroy());
      await once(socket, "close");
    } finally {
      await other.close();
    }
  });
});
