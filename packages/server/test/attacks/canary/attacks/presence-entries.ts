import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const ENTRIES = 200_000;

/** Messages with as many awareness clients as fit into a few megabytes. */
export const attack: Attack = {
  name: "presence messages with hundreds of thousands of entries",
  run: async (target) => {
    const messages = [1, 2, 3].map((clock) => {
      const states = Array.from({ length: ENTRIES }, (_, client) => ({ client, clock, state: {} }));
      return frame(encodeRaw({ type: "presence", states }));
    });
    const client = await target.connect();
    for (let i = 0; !target.over; i++) {
      const message = messages[i % messages.length];
      if (message !== undefined && client.waiting === 0) client.write(message);
      await target.pause(5);
    }
  },
};
