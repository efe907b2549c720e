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

/** How a relay handles the messages of one room. */
export interface FloorRoom {
  readonly members: Set<Duplex>;
  takeUpdate(message: Buffer, sender: Duplex): void;
  takePresence(message: Buffer, sender: Duplex): void;
}

const NOTHING_STORED = syncMessage(SYNC_STEP_2, EMPTY_UPDATE);
const reader = new ByteReader();

/** Serves rooms on a free port, which it prints. Joining clients get an empty document. */
export function serveFloor(open: (name: string) => FloorRoom): void {
  const rooms = new Map<string, FloorRoom>();
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      const name = request.url ?? "/";
      const room = rooms.get(name) ?? open(name);
      rooms.set(name, room);
      room.members.add(socket);
      client.on("message", (data) => {
        const message = wholeBuffer(data);
        if (message[0] === MESSAGE_AWARENESS) room.takePresence(message, socket);
        else if (message[1] === SYNC_UPDATE) room.takeUpdate(message, socket);
        else if (message[1] === SYNC_STEP_1) client.send(NOTHING_STORED);
      });
      // Rooms are never removed: a relay runs for one measurement only.
      client.on("close", () => room.members.delete(socket));
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("not a TCP server");
    const url = `http://127.0.0.1:${address.port}`;
    process.stdout.write(`${JSON.stringify({ msg: "listening", url })}\n`);
  });
}

/** The newest presence clock of each client in a room. */
export class PresenceClocks {
  readonly #clocks: Map<number, number> = new Map();

  /**
   * @param onNews called with the bytes of each presence entry in the message that is new
   * @returns whether any entry was new
   */
  take(message: Buffer, onNews?: (client: number, entry: Buffer) => void): boolean {
    reader.reset(message, 1, message.length);
    reader.unsigned();
    let news = false;
    for (let entries = reader.unsigned(); entries > 0; entries--) {
      const start = reader.position;
      const client = reader.unsigned();
      const clock = reader.unsigned();
      reader.skip(reader.unsigned());
      if (clock <= (this.#clocks.get(client) ?? -1)) continue;
      this.#clocks.set(client, clock);
      onNews?.(client, message.subarray(start, reader.position));
      news = true;
    }
    return news;
  }
}

/** Returns a message as a server sends it: one unmasked binary frame. */
export function serverFrame(message: Uint8Array): Buffer {
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
  frame.set(message, header);
  return frame;
}

function wholeBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  throw new Error("expected the message in one buffer");
}
