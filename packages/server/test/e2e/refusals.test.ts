import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SECRET, tokenWith } from "../attacks/tokens.ts";
import { providerVersions } from "../support/providers.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** How long to watch a refused client. Without delays it would reconnect 40 to 50 times in this time. */
const WATCHED_MS = 5_000;
const MOST_RETURNS = 12;
const RECONNECT_MS = 100;

const watched = () => new Promise((resolve) => setTimeout(resolve, WATCHED_MS));

interface TabOptions {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Messages to send once connected. */
  readonly sends?: readonly (Buffer | string)[];
}

/** Reconnects 100 ms after each close, whatever the code, like a provider. */
class Tab {
  readonly codes: number[] = [];
  connections = 0;
  readonly #url: string;
  readonly #options: TabOptions;
  #socket: WebSocket | undefined;
  #isOver = false;

  constructor(wsUrl: string, options: TabOptions) {
    this.#url = `${wsUrl}/${options.path}`;
    this.#options = options;
    this.#connect();
  }

  end(): void {
    this.#isOver = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#isOver) return;
    const { headers = {}, sends = [] } = this.#options;
    const socket = new WebSocket(this.#url, { perMessageDeflate: false, headers });
    this.#socket = socket;
    socket.on("open", () => {
      this.connections++;
      for (const message of sends) socket.send(message);
    });
    socket.on("error", () => {});
    socket.on("close", (code) => {
      this.codes.push(code);
      setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }
}

describe("a server with tokens", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer({ env: { AUTH_JWT_SECRET: SECRET } });
  });

  it("slows down the reconnects of every provider", async () => {
    const sessions = providerVersions.map((version) =>
      version.open(server.wsUrl, "room", { params: { token: `not.a.token of ${version.name}` } }),
    );
    await watched();
    for (const session of sessions) {
      expect(session.connections, session.version).toBeGreaterThan(0);
      expect(session.connections, session.version).toBeLessThan(MOST_RETURNS);
      session.destroy();
    }
  });

  it("admits clients with a valid token without delay while refused ones are held", async () => {
    const tabs = Array.from(
      { length: 200 },
      () => new Tab(server.wsUrl, { path: "room?token=none" }),
    );
    await waitFor(() => tabs.every(({ connections }) => connections > 0), {
      message: "all tabs have connected",
      timeout: 60_000,
    });
    const since = performance.now();
    for (let i = 0; i < 5; i++) {
      const client = await RawClient.connect(server.wsUrl, "room", {
        query: `?token=${tokenWith({ sub: String(i) })}`,
      });
      client.sendStep1();
      await client.first("step2");
      await client.close();
    }
    // By now the tabs would be held for 20 seconds.
    expect(performance.now() - since).toBeLessThan(10_000);
    for (const tab of tabs) tab.end();
  });

  it("limits the connection rate of hundreds of refused tabs", async () => {
    const tabs = Array.from(
      { length: 400 },
      () => new Tab(server.wsUrl, { path: "room?token=of.all.tabs" }),
    );
    const connections = () => tabs.reduce((sum, tab) => sum + tab.connections, 0);
    await waitFor(() => tabs.every((tab) => tab.connections > 0), {
      message: "all tabs have connected",
      timeout: 60_000,
    });
    const before = connections();
    await watched();
    // Ten connections per second; without delays there would be more than ten thousand in all.
    expect(connections() - before).toBeLessThan(600);
    for (const tab of tabs) tab.end();
  });

  it("closes held connections when it is stopped", async () => {
    const tab = new Tab(server.wsUrl, { path: "room?token=none.at.the.end" });
    await waitFor(() => tab.connections > 4, { message: "the connection is held" });
    const seen = tab.codes.length;
    expect(await server.stop()).toBe(0);
    await waitFor(() => tab.codes.length > seen, { message: "the held connection is closed" });
    expect(tab.codes[seen]).toBe(4401);
    tab.end();
  });
});

describe("a refused client is slowed down after", () => {
  let server: ServerProcess;
  let occupant: RawClient | undefined;
  beforeAll(async () => {
    server = await startServer({
      env: {
        TRUSTED_PROXIES: "1",
        MAX_CONNECTIONS: "40",
        MAX_CONNECTIONS_PER_ROOM: "1",
        MAX_CONNECTIONS_PER_ADDRESS: "20",
        MAX_MESSAGE_BYTES: "2048",
        MAX_MESSAGES_PER_SECOND: "5",
        ALLOWED_ORIGINS: "https://example.com",
      },
    });
    occupant = await RawClient.connect(server.wsUrl, "full");
    await occupant.first("step1");
  });
  afterAll(async () => {
    await occupant?.close();
    await server.stop();
  });

  it.each<[number, string, TabOptions]>([
    [4400, "a bad room name", { path: "%00" }],
    [4403, "a page of another origin", { path: "o", headers: { origin: "https://evil.test" } }],
    [4409, "a full room", { path: "full" }],
    [4413, "an oversized message", { path: "large", sends: [Buffer.alloc(4_096)] }],
    [4429, "too many messages", { path: "many", sends: Array(50).fill(Buffer.of(3)) }],
    [1007, "a malformed message", { path: "malformed", sends: [Buffer.of(0, 9, 9)] }],
    [1007, "a text message", { path: "text", sends: ["hello"] }],
  ])("%i: %s", async (code, _name, options) => {
    const tab = new Tab(server.wsUrl, options);
    await waitFor(() => tab.codes.length > 1, { message: "refused twice", timeout: 60_000 });
    await watched();
    tab.end();
    expect(tab.codes.filter((seen) => seen !== code)).toEqual([]);
    expect(tab.connections).toBeLessThan(MOST_RETURNS);
  });

  it("a broken frame", async () => {
    let connections = 0;
    let isOver = false;
    const comeBack = () => {
      if (isOver) return;
      connections++;
      const socket = connect(server.port, "127.0.0.1", () => {
        socket.write(
          "GET /broken HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        // A frame from a client must be masked.
        socket.write(Buffer.of(0x82, 1, 0));
      });
      socket.resume();
      socket.on("error", () => {});
      socket.on("end", () => socket.end());
      socket.on("close", () => setTimeout(comeBack, RECONNECT_MS));
    };
    comeBack();
    await waitFor(() => connections > 2, { message: "refused twice", timeout: 60_000 });
    await watched();
    isOver = true;
    expect(connections).toBeLessThan(MOST_RETURNS);
  });

  it("4429 and 1013: too many connections from one address, and in all", async () => {
    const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
    const enter = async (address: string, i: number) => {
      const client = await RawClient.connect(server.wsUrl, `${address}-${i}`, from(address));
      await client.first("step1");
      return client;
    };
    const inside: RawClient[] = [];
    for (let i = 0; i < 20; i++) inside.push(await enter("192.0.2.1", i));
    const perAddress = new Tab(server.wsUrl, { path: "one-more", ...from("192.0.2.1") });
    await waitFor(() => perAddress.codes.length > 0, { message: "the address is full" });
    for (let i = 0; i < 19; i++) inside.push(await enter("192.0.2.2", i));
    const inAll = new Tab(server.wsUrl, { path: "one-more", ...from("192.0.2.3") });
    await waitFor(() => inAll.codes.length > 1, { message: "the server is full", timeout: 60_000 });
    await watched();
    for (const tab of [perAddress, inAll]) {
      tab.end();
      expect(tab.connections).toBeLessThan(2 * MOST_RETURNS);
    }
    expect(new Set(perAddress.codes)).toEqual(new Set([4429]));
    expect(new Set(inAll.codes)).toEqual(new Set([1013]));
    await Promise.all(inside.map((client) => client.close()));
  });
});
