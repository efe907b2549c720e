import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { send } from "../http/http-parts.ts";
import { ADMIN, ROOM, Target } from "./target.ts";
import { tokenWith } from "./tokens.ts";

// Small payloads that would decompress to a lot of data.

const BOMB_BYTES = 200_000_000;

const bomb = gzipSync(Buffer.alloc(BOMB_BYTES), { level: 1 });

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});

/** Checks that the server's memory does not grow by the size of the bomb. */
async function expectNotExpanded(before: number): Promise<void> {
  expect((await target.server().residentBytes()) - before).toBeLessThan(BOMB_BYTES / 2);
  await target.expectUnharmed();
}

it("declines every offer of message compression", async () => {
  for (const offer of [true, { serverMaxWindowBits: 9 }, { clientMaxWindowBits: 8 }]) {
    const socket = new WebSocket(`${target.server().wsUrl}/${ROOM}?token=${tokenWith()}`, {
      perMessageDeflate: offer,
    });
    await once(socket, "open");
    expect(socket.extensions).toBe("");
    socket.close();
    await once(socket, "close");
  }
});

it("closes the connection on a compressed message, without decompressing it", async () => {
  const before = await target.server().residentBytes();
  // Without the header and the checksum.
  const payload = bomb.subarray(10, -8);
  const url = new URL(target.server().url);
  const upgrade = request(url, {
    path: `/${ROOM}?token=${tokenWith()}`,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-extensions": "permessage-deflate",
    },
  });
  upgrade.end();
  const [response, socket] = await once(upgrade, "upgrade");
  expect(response.headers["sec-websocket-extensions"]).toBeUndefined();
  // Final, compressed (the first reserved bit), binary; masked with zeros; a length of 64 bits.
  const head = Buffer.alloc(14);
  head.writeUInt8(0xc2, 0);
  head.writeUInt8(0xff, 1);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  socket.on("error", () => {});
  const ended = once(socket, "close");
  socket.resume();
  socket.write(Buffer.concat([head, payload]));
  await ended;
  await expectNotExpanded(before);
});

it("rejects compressed request bodies without decompressing them", async () => {
  const before = await target.server().residentBytes();
  const doubled = gzipSync(bomb);
  for (const [path, type, body, status] of [
    [`/api/rooms/${ROOM}/updates`, "application/octet-stream", bomb, 415],
    [`/api/rooms/${ROOM}/updates`, "application/octet-stream", doubled, 415],
    ["/api/session", "application/json", doubled, 400],
    ["/api/session", "application/json", bomb, 413],
  ] as const) {
    for (const encoding of ["gzip", "deflate", "br", "gzip, gzip"]) {
      const headers = {
        authorization: `Bearer ${ADMIN}`,
        "content-type": type,
        "content-encoding": encoding,
      };
      const options = { method: "POST", headers, body };
      const answer = await send({ port: target.server().port, path }, options);
      expect([path, encoding, answer.status]).toEqual([path, encoding, status]);
    }
  }
  await expectNotExpanded(before);
});

it("rejects bodies with an oversized, endless or contradictory length", async () => {
  const { port } = target.server();
  const head = (lines: string) =>
    `POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`;
  for (const [lines, body, status] of [
    ["Content-Length: 999999999999", "{", 413],
    ["Transfer-Encoding: chunked", `ffff\r\n${"x".repeat(0xffff)}\r\n`, 413],
    ["Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400],
    ["Content-Length: 5\r\nContent-Length: 6", "12345", 400],
    ["Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n", 400],
    ["Content-Length: -1", "", 400],
  ] as const) {
    const socket = connect(port, "127.0.0.1");
    socket.write(head(lines) + body);
    const [data] = (await once(socket, "data")) as [Buffer];
    expect([lines, data.toString().slice(0, 12)]).toEqual([lines, `HTTP/1.1 ${status}`]);
    socket.destroy();
  }
  await target.expectUnharmed();
});
