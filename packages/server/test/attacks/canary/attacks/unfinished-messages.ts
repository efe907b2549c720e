import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const PIECE_BYTES = 1024 * 1024;
const PIECES = 62;
const BEGIN = frame(Buffer.alloc(PIECE_BYTES, 1), { fin: false });
const CONTINUE = frame(Buffer.alloc(PIECE_BYTES, 1), { opcode: 0, fin: false });

/** Fragmented messages whose last fragment never arrives. */
export const attack: Attack = {
  name: "messages that are never finished",
  connections: [100],
  seconds: 6,
  run: async (target) => {
    const clients = await target.connectAll((index) => target.room(`${index % 10}`));
    for (let piece = 0; piece < PIECES && !target.over; piece++) {
      for (const client of clients) client.write(piece === 0 ? BEGIN : CONTINUE);
      await Promise.race([
        Promise.all(clients.map((client) => client.drained())),
        target.pause(2_000),
      ]);
    }
    await target.pause(10_000);
  },
};
