/**
 * The least that a relay on `ws` can do: read a message, drop it when it is returned presence, put it
 * into one frame and write that frame to the sockets of the other members. It knows no documents.
 */
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocketServer } from "ws";
import { ByteReader } from "../client/byte-reader.ts";
import {
  EMPTY_UPDATE,
  MESSAGE_AWARENESS,
  SYNC_STEP_1,
  SYNC_STEP_2,
  SYNC_UPDATE,
  syncMessage,
} from "../client/messages.ts";

interface Room {
  readonly members: Set<Duplex>;
  /** The newest presence clock of each client. */
  readonly clocks: Map<number, number>;
}

const NOTHING_STORED = syncMessage(SYNC_STEP_2, EMPTY_UPDATE);
const rooms = new Map<string, Room>();
const reader = new ByteReader();

const server = createServer();
const sockets = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (client) => {
    const name = request.url ?? "/";
    const room = rooms.get(name) ?? { members: new Set(), clocks: new Map() };
    rooms.set(name, room);
    room.members.add(socket);
    client.on("message", (data) => {
      const message = wholeBuffer(data);
      if (message[0] === MESSAGE_AWARENESS) {
        if (bringsNews(room, message)) relay(room, socket, message);
      } else if (message[1] === SYNC_UPDATE) {
        relay(room, socket, message);
      } else if (message[1] === SYNC_STEP_1) {
        client.send(NOTHING_STORED);
      }
    });
    client.on("close", () => {
      room.members.delete(socket);
      if (room.members.size === 0) rooms.delete(name);
    });
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  const url = `http://127.0.0.1:${address.port}`;
  process.stdout.write(`${JSON.stringify({ msg: "listening", url })}\n`);
});

function wholeBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  throw new Error("expected the message in one buffer");
}

function bringsNews(room: Room, message: Buffer): boolean {
  reader.reset(message, 1, message.length);
  reader.unsigned();
  let news = false;
  for (let entries = reader.unsigned(); entries > 0; entries--) {
    const client = reader.unsigned();
    const clock = reader.unsigned();
    reader.skip(reader.unsigned());
    if (clock <= (room.clocks.get(client) ?? -1)) continue;
    room.clocks.set(client, clock);
    news = true;
  }
  return news;
}

function relay(room: Room, sender: Duplex, message: Buffer): void {
  const frame = serverFrame(message);
  for (const member of room.members) {
    if (member !== sender) member.write(frame);
  }
}

function serverFrame(message: Buffer): Buffer {
  const size = message.length;
  const header = size < 126 ? 2 : 4;
  if (size > 0xffff) throw new Error("the floor relays small messages only");
  const frame = Buffer.allocUnsafe(header + size);
  frame[0] = 0x82;
  if (header === 2) {
    frame[1] = size;
  } else {
    frame[1] = 126;
    frame.writeUInt16BE(size, 2);
  }
  message.copy(frame, header);
  return frame;
}
