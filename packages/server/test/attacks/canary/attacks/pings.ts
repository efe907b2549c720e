import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

const PINGS = repeated(frame(Buffer.alloc(125, 1), { opcode: 9 }), 2_000);
/** Stop sending while this much is still queued. */
const MOST_WAITING = 4 * PINGS.length;

/** Each ping is answered with a pong of the same size. */
export const attack: Attack = {
  name: "WebSocket pings from clients that do not read",
  connections: [100],
  run: async (target) => {
    const clients = await target.connectAll();
    for (const client of clients) client.stopReading();
    while (!target.over) {
      for (const client of clients) {
        if (client.waiting < MOST_WAITING) client.write(PINGS);
      }
      await target.pause(5);
    }
  },
};
