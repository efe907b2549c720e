import { once } from "node:events";
import {
  createServer,
  type Server as HttpServer,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { getRequestListener } from "@hono/node-server";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { peerRoutes } from "../../src/replication/peer-routes.ts";
import {
  decodePeerRequest,
  decodePeerState,
  encodePeerRequest,
  encodePeerState,
  PEER_PATH,
  type PeerAnswer,
  PeerError,
  type PeerRequest,
} from "../../src/replication/peers.ts";
import { HttpPeers } from "../../src/replication/peers-http.ts";
import { serversOnly } from "../../src/replication/servers-only.ts";

const SECRET = "a secret of the cluster";
const REQUEST: PeerRequest = {
  from: "127.0.0.1:1",
  incarnation: 5,
  epoch: 7,
  sequence: 9,
  isOpening: true,
  stateVector: Uint8Array.of(1, 2, 3),
};

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0)) await release();
});

function peersWith(secret: string): HttpPeers {
  const peers = new HttpPeers(secret);
  releases.push(() => peers.close());
  return peers;
}

/** Starts a server that answers every peer request with `answer`. @returns its address */
async function answering(
  answer: (room: string, request: PeerRequest) => Promise<PeerAnswer>,
): Promise<string> {
  const server = createServer(
    getRequestListener(peerRoutes(serversOnly(SECRET), { answerPeer: answer }).fetch),
  );
  return listening(server);
}

async function listening(server: HttpServer | ReturnType<typeof createTcpServer>): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  releases.push(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function post(
  server: string,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const request = httpRequest(`http://${server}${PEER_PATH}`, { method: "POST", headers });
  request.end(encodePeerRequest("room", REQUEST));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response;
}

const bytes = fc.uint8Array({ maxLength: 40 });

describe("the encodings between servers", () => {
  it("preserve requests and states", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.record({
          from: fc.string(),
          incarnation: fc.maxSafeNat(),
          epoch: fc.nat(),
          sequence: fc.nat(),
          isOpening: fc.boolean(),
          stateVector: bytes,
        }),
        fc.record({
          incarnation: fc.maxSafeNat(),
          epoch: fc.nat(),
          sequence: fc.nat(),
          awareness: fc.array(
            fc.record({ client: fc.nat(), clock: fc.nat(), isOwn: fc.boolean(), state: bytes }),
          ),
          awarenessClock: fc.nat(),
          updates: fc.array(bytes),
        }),
        (room, request, state) => {
          expect(decodePeerRequest(encodePeerRequest(room, request))).toEqual({ room, request });
          expect(decodePeerState(new Uint8Array(Buffer.concat(encodePeerState(state))))).toEqual(
            state,
          );
        },
      ),
    );
  });
});

it("accepts the state of a server whose version sends no awareness clock", () => {
  const updates = [Uint8Array.of(0, 0)];
  const state = {
    incarnation: 5,
    epoch: 3,
    sequence: 9,
    awareness: [],
    awarenessClock: 7,
    updates,
  };
  const [content = new Uint8Array(), ...rest] = encodePeerState(state).slice(0, -1);
  const without = new Uint8Array(Buffer.concat([content, ...rest]));
  expect(decodePeerState(without)).toEqual({ ...state, awarenessClock: 0 });
});

describe("asking another server", () => {
  it("returns its state, whatever the room's name and size", async () => {
    const large = new Uint8Array(20_000_000).map((_, i) => i % 251);
    const room = "../a b/😀?#%2F";
    const state = {
      incarnation: 5,
      epoch: 3,
      sequence: 9,
      awareness: [{ client: 1, clock: 2, isOwn: true, state: Uint8Array.of(123, 125) }],
      awarenessClock: 4,
      updates: [large, Uint8Array.of(0, 0)],
    };
    const asked: unknown[] = [];
    const server = await answering(async (name, request) => {
      asked.push({ name, request });
      return { type: "state", state };
    });
    const answer = await peersWith(SECRET).ask(server, room, REQUEST);
    expect(asked).toEqual([{ name: room, request: REQUEST }]);
    if (answer.type !== "state") throw new Error(`unexpected answer: ${answer.type}`);
    expect(Buffer.compare(answer.state.updates[0] ?? new Uint8Array(), large)).toBe(0);
    expect({ ...answer.state, updates: answer.state.updates.slice(1) }).toEqual({
      ...state,
      updates: [Uint8Array.of(0, 0)],
    });
    // A worker thread can then use it without a copy.
    expect(answer.state.updates[0]?.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it.each(["absent", "opening"] as const)("reports that the room is %s", async (type) => {
    const server = await answering(async () => ({ type }));
    expect(await peersWith(SECRET).ask(server, "room", REQUEST)).toEqual({ type });
  });

  it("is rejected with a wrong secret or none", async () => {
    let asked = 0;
    const server = await answering(async () => {
      asked++;
      return { type: "absent" };
    });
    for (const secret of ["another secret", `${SECRET}s`, SECRET.slice(1), ""]) {
      await expect(peersWith(secret).ask(server, "room", REQUEST)).rejects.toThrow(/status 401/);
    }
    expect((await post(server, {})).statusCode).toBe(401);
    expect(asked).toBe(0);
  });

  it.each(["origin", "sec-fetch-mode", "sec-fetch-site"])(
    "is rejected for a browser, which sends %s",
    async (header) => {
      const server = await answering(async () => ({ type: "absent" }));
      const authorization = `Bearer ${SECRET}`;
      expect((await post(server, { authorization })).statusCode).toBe(404);
      const response = await post(server, { authorization, [header]: "https://example.org" });
      expect(response.statusCode).toBe(403);
    },
  );

  it("fails within ten seconds if the peer is silent, gone or stops mid-response", async () => {
    const silent = await listening(createTcpServer((socket) => socket.on("error", () => {})));
    const stopping = await listening(
      createServer((_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write("abc");
        setImmediate(() => response.destroy());
      }),
    );
    const peers = peersWith(SECRET);
    const since = performance.now();
    await Promise.all(
      [silent, stopping, "127.0.0.1:1"].map((server) =>
        expect(peers.ask(server, "room", REQUEST)).rejects.toThrow(PeerError),
      ),
    );
    expect(performance.now() - since).toBeLessThan(10_000);
  });

  it("fails if the client is closed during the request", async () => {
    const silent = await listening(createTcpServer((socket) => socket.on("error", () => {})));
    const peers = peersWith(SECRET);
    const asked = peers.ask(silent, "room", REQUEST);
    peers.close();
    await expect(asked).rejects.toThrow(PeerError);
  });
});
