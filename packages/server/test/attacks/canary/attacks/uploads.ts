import type { Attack } from "../attack.ts";

const PIECE = Buffer.alloc(256 * 1024);
const HEAD =
  "POST /api/rooms/room/updates HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n" +
  "Content-Length: 16000000\r\n\r\n";

/** Request bodies sent without a valid token. */
export const attack: Attack = {
  name: "uploads without a token",
  connections: [100],
  run: async (target) => {
    while (!target.over) {
      const sockets = await Promise.all(
        Array.from({ length: target.connections }, () => target.tcp()),
      );
      for (const socket of sockets) socket.write(HEAD);
      for (let piece = 0; piece < 20 && !target.over; piece++) {
        for (const socket of sockets) if (socket.waiting === 0) socket.write(PIECE);
        await target.pause(10);
      }
      for (const socket of sockets) socket.destroy();
    }
  },
};
