import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const BEGIN = frame(new Uint8Array(0), { length: 1_000_000 });
const BYTE = Buffer.alloc(1);
/** Single bytes written in one turn arrive as one chunk only if the server is slow. */
const AT_ONCE = 8;

/** Each byte arrives alone, and occupies a few hundred bytes until its message is complete. */
export const attack: Attack = {
  name: "messages sent byte by byte",
  connections: [100],
  run: async (target) => {
    const clients = await target.connectAll((index) => target.room(`${index % 10}`));
    for (const client of clients) client.write(BEGIN);
    while (!target.over) {
      for (const client of clients) for (let i = 0; i < AT_ONCE; i++) client.write(BYTE);
      await target.pause(1);
    }
  },
};
