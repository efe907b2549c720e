import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { beforeAll, expect, it } from "vitest";
import { newCertificate } from "../support/certificates.ts";
import { startServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { ADMIN, ROOM, Target } from "./target.ts";
import { tokenWith } from "./tokens.ts";

// Clients that start requests without finishing them, to tie up the server.

/** The server checks bodies every half minute. */
const BODY_ENDED_MS = 100_000;
/** Headers must arrive within ten seconds, which the server checks every two. */
const ENDED_MS = 30_000;
const DRIP_MS = 500;
const EACH = 20;

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});

/** Sends the beginning, and then keeps repeating the rest, a little at a time. */
function drip(port: number, begin: string, endless: string): Socket {
  const socket = connect(port, "127.0.0.1");
  // The server may close the connection at any time.
  socket.on("error", () => {});
  socket.resume();
  socket.write(begin);
  const timer = setInterval(() => socket.write(endless), DRIP_MS);
  socket.on("close", () => clearInterval(timer));
  return socket;
}

const upgrade = `GET /${ROOM} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;

it("closes connections with unfinished handshakes and requests, and serves others throughout", async () => {
  const { cert, key } = await newCertificate(await temporaryDirectory());
  const secure = await startServer({ env: { TLS_CERT_FILE: cert, TLS_KEY_FILE: key } });
  const { port } = target.server();
  const attackers = [
    ["silence", port, "", ""],
    ["a request line", port, "GET /", "a"],
    ["headers", port, "GET / HTTP/1.1\r\n", "X-A: b\r\n"],
    ["one header", port, "GET / HTTP/1.1\r\nX-A: ", "b"],
    ["an upgrade", port, upgrade, "X-A: b\r\n"],
    ["empty lines", port, "", "\r\n"],
    ["silence on the TLS port", secure.port, "", ""],
    ["a TLS handshake", secure.port, "\x16\x03\x01\x02\x00", "\x01"],
  ] as const;
  const sockets = attackers.flatMap(([name, at, begin, endless]) =>
    Array.from({ length: EACH }, () => ({ name, socket: drip(at, begin, endless) })),
  );
  const open = () => sockets.filter(({ socket }) => !socket.closed).map(({ name }) => name);
  await target.expectUnharmed();
  expect(open()).toHaveLength(sockets.length);
  await waitFor(() => open().length === 0, {
    timeout: ENDED_MS,
    message: () => `all connections are closed; still open: ${[...new Set(open())].join(", ")}`,
  });
  await target.expectUnharmed();
  expect(secure.hasExited).toBe(false);
});

it("answers a request without a token before its body arrives", async () => {
  const { port } = target.server();
  for (const path of [`/api/rooms/${ROOM}/updates`, "/api/no-such", "/cluster/v1/document"]) {
    for (const framing of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${framing}\r\n\r\n`;
      const socket = drip(port, head, "");
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1.1 (401|404) /);
      socket.destroy();
    }
  }
  await target.expectUnharmed();
});

it(
  "closes connections that send a body too slowly, and applies nothing of it",
  async () => {
    const head =
      `POST /api/rooms/${ROOM}/updates HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n` +
      `Authorization: Bearer ${ADMIN}\r\nContent-Type: application/octet-stream\r\n\r\n`;
    const sockets = Array.from({ length: EACH }, () => drip(target.server().port, head, "\x01"));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    await target.expectUnharmed();
    await waitFor(() => sockets.every(({ closed }) => closed), {
      timeout: BODY_ENDED_MS,
      message: "connections that send less than 1 KB a second are closed",
    });
    await target.expectUnharmed();
  },
  2 * BODY_ENDED_MS,
);

it("does not let unfinished messages delay other clients in the room", async () => {
  const slow = await Promise.all(
    Array.from({ length: EACH }, () => target.connect(tokenWith(), "shared")),
  );
  // The header of a 64 MB message, and none of its payload.
  for (const client of slow) client.sendRaw(Buffer.from("82ff0000000003ffffff00000000", "hex"));
  const before = await target.server().residentBytes();
  const [one, other] = await Promise.all([1, 2].map(() => target.connect(tokenWith(), "shared")));
  if (one === undefined || other === undefined) throw new Error("expected two clients in the room");
  one.sendPresence({ client: 5, clock: 1, state: { name: "quick" } });
  await waitFor(() => other.presenceOf(5), { message: "the second client sees the first" });
  expect((await target.server().residentBytes()) - before).toBeLessThan(64_000_000);
  await Promise.all([one.close(), other.close()]);
  for (const client of slow) client.terminate();
  await target.expectUnharmed();
});
