import { once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import { connect as connectTcp } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { send } from "../http/http-parts.ts";
import { yWebsocket31 } from "../support/providers.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { selfSigned } from "./self-signed.ts";
import { application, listen, start, whenDone, wsUrl } from "./servers.ts";

const open = { ALLOW_ANONYMOUS: true };

async function attached(path = "/collab") {
  const { server, port } = await listen(application());
  const symphony = await start({ attachTo: { server, path }, settings: open });
  const get = async (target: string, options?: Parameters<typeof send>[1]) => {
    const { status, body } = await send({ port, path: target }, options);
    return [status, body.toString()];
  };
  return { server, port, symphony, get };
}

/** Echoes what it receives on every path that `path` does not exclude. */
function echoServer(options: ConstructorParameters<typeof WebSocketServer>[0]): WebSocketServer {
  const server = new WebSocketServer(options);
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data.toString())));
  whenDone(async () => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return server;
}

async function echoes(url: string, message: string): Promise<string> {
  const socket = new WebSocket(url);
  await once(socket, "open");
  socket.send(message);
  const [answer] = await once(socket, "message");
  socket.close();
  return answer.toString();
}

/** The raw response of a server to an upgrade. */
async function upgradeAnswer(port: number, path: string): Promise<string> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`,
  );
  return text(socket);
}

describe("a server attached to the application's HTTP server", () => {
  it("serves documents under its path and leaves all other paths to the application", async () => {
    const { port, symphony, get } = await attached();
    expect(symphony.url).toBe(`http://127.0.0.1:${port}/collab`);
    const [ada, bob] = [1, 2].map(() => yWebsocket31.open(wsUrl(symphony), "drafts/one"));
    if (ada === undefined || bob === undefined) throw new Error("expected two sessions");
    whenDone(async () => [ada, bob].map((session) => session.destroy()));
    ada.text.insert(0, "hello");
    await waitFor(() => bob.text.toString() === "hello", { message: "bob has received the text" });

    expect(await get("/collab/health/ready")).toEqual([200, '{"status":"ok","failing":{}}']);
    const [status, rooms] = await get("/collab/api/rooms?active=true");
    expect([status, JSON.parse(String(rooms)).rooms[0].name]).toEqual([200, "drafts/one"]);
    expect((await get("/collab/dashboard/"))[0]).toBe(200);
    const redirect = await send({ port, path: "/collab/dashboard" });
    expect([redirect.status, redirect.headers.location]).toEqual([301, "dashboard/"]);
    expect(await get("/health/ready")).toEqual([200, "application: GET /health/ready"]);
    expect(await get("/")).toEqual([200, "application: GET /"]);
    expect(await get("/collaborate")).toEqual([200, "application: GET /collaborate"]);
    expect(await get("/a/collab/b")).toEqual([200, "application: GET /a/collab/b"]);
  });

  it("serves no example page at its path", async () => {
    const { get } = await attached();
    for (const path of ["/collab", "/collab/", "/collab?a=b"]) {
      const [status, body] = await get(path);
      expect([status, JSON.parse(String(body)).detail]).toEqual([404, "no such resource: /"]);
    }
  });

  it("passes room, token, address, origin and headers to access control", async () => {
    const { server } = await listen(application());
    const seen: unknown[] = [];
    const symphony = await start({
      attachTo: { server, path: "/deep/er/" },
      access: ({ room, token, address, origin, headers }) => {
        seen.push({ room, token, address, origin, cookie: headers.cookie });
        return { subject: "ada", level: "read-write", expiresAt: null };
      },
    });
    const client = await RawClient.connect(wsUrl(symphony), "a%20b/c", {
      query: "?token=secret",
      origin: "https://app.test",
      headers: { cookie: "session=1" },
    });
    await client.first("step1");
    await client.close();
    expect(seen).toEqual([
      {
        room: "a b/c",
        token: "secret",
        address: "127.0.0.1",
        origin: "https://app.test",
        cookie: "session=1",
      },
    ]);
  });

  it("leaves other WebSocket servers alone, whichever was attached first", async () => {
    const { server, port } = await listen(application());
    // A listener that refuses every unknown upgrade, as `ws` does.
    const before = echoServer({ server, path: "/before" });
    const symphony = await start({ attachTo: { server, path: "/collab" }, settings: open });
    expect(await echoes(`ws://127.0.0.1:${port}/before`, "a")).toBe("a");
    const session = yWebsocket31.open(wsUrl(symphony), "room");
    whenDone(async () => session.destroy());
    await waitFor(() => session.isSynced, { message: "the document has synced" });

    await symphony.close();
    expect(await echoes(`ws://127.0.0.1:${port}/before`, "b")).toBe("b");
    before.close();
    const again = await start({ attachTo: { server, path: "/collab" }, settings: open });
    echoServer({ server, path: "/after" });
    expect(await echoes(`ws://127.0.0.1:${port}/after`, "c")).toBe("c");
    const client = await RawClient.connect(wsUrl(again), "room");
    await client.first("step1");
    await client.close();
  });

  it("answers foreign upgrades while it is the only upgrade listener", async () => {
    const { port, symphony } = await attached();
    // Since Node 24.9 the application can respond; before, it cannot.
    const decides = Reflect.has(application(), "shouldUpgradeCallback");
    expect(await upgradeAnswer(port, "/page")).toMatch(
      decides ? /200 OK.*application: GET \/page$/s : /^HTTP\/1.1 404 /,
    );
    await symphony.close();
    expect(await upgradeAnswer(port, "/page")).toMatch(/200 OK.*application: GET \/page$/s);
  });

  it("restores the application's server on close and closes nothing else", async () => {
    const { server, port, symphony, get } = await attached();
    const client = await RawClient.connect(wsUrl(symphony), "room");
    await client.first("step1");
    const stream = fetch(`http://127.0.0.1:${port}/collab/api/events`);
    expect((await stream).status).toBe(200);
    const closing = symphony.close();
    expect((await client.closed).code).toBe(1012);
    expect(await closing).toBe(true);
    expect(await symphony.close()).toBe(true);
    await (await stream).body?.cancel();

    expect(server.listening).toBe(true);
    expect(await get("/collab/health/ready")).toEqual([
      200,
      "application: GET /collab/health/ready",
    ]);
    expect(Object.hasOwn(server, "emit")).toBe(false);
    expect(server.listenerCount("upgrade")).toBe(0);
    expect(server.listenerCount("request")).toBe(1);
  });

  it("handles requests with Expect: 100-continue", async () => {
    const { server, get } = await attached();
    server.on("checkContinue", (_request, response) => response.end("application"));
    const options = { method: "POST", headers: { expect: "100-continue" }, body: "x" };
    expect(await get("/collab/nothing", options)).toEqual([
      404,
      expect.stringContaining("no such resource: /nothing"),
    ]);
    expect(await get("/other", options)).toEqual([200, "application"]);
  });

  it("can share a server with another instance that closes first", async () => {
    const { server, port, symphony: first, get } = await attached("/first");
    const second = await start({ attachTo: { server, path: "/second" }, settings: open });
    const statuses = async () =>
      Promise.all(["/first", "/second"].map(async (path) => (await get(`${path}/health/live`))[1]));
    const ok = '{"status":"ok"}';
    expect(await statuses()).toEqual([ok, ok]);
    await first.close();
    expect(await statuses()).toEqual(["application: GET /first/health/live", ok]);
    expect(await upgradeAnswer(port, "/page")).toContain("HTTP/1.1 ");
    const client = await RawClient.connect(wsUrl(second), "room");
    await client.first("step1");
    await client.close();
    await second.close();
    expect((await statuses())[1]).toBe("application: GET /second/health/live");
    expect(server.listenerCount("upgrade")).toBe(0);
  });

  it("can be attached before the server listens", async () => {
    const server = application();
    const symphony = await start({ attachTo: { server, path: "/collab" }, settings: open });
    expect(symphony.url).toBe("/collab");
    const { port } = await listen(server);
    expect(symphony.url).toBe(`http://127.0.0.1:${port}/collab`);
    const client = await RawClient.connect(wsUrl(symphony), "room");
    await client.first("step1");
    await client.close();
  });
});

describe("a server attached to a TLS server", () => {
  let credentials: { key: string; cert: string };
  beforeAll(async () => {
    credentials = await selfSigned();
  });

  it("is reachable by wss", async () => {
    const { server } = await listen(createTlsServer(credentials, (_, response) => response.end()));
    const symphony = await start({ attachTo: { server, path: "/collab" }, settings: open });
    expect(symphony.url).toMatch(/^https:/);
    const socket = new WebSocket(`${wsUrl(symphony)}/room`, { ca: credentials.cert });
    const [message] = await once(socket, "message");
    expect(message[0]).toBe(0);
    socket.terminate();
  });
});
