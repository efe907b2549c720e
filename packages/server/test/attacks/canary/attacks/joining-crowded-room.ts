import { updateOf } from "../../../support/made-updates.ts";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";

const CLIENTS = 100_000;

/** Every connecting client is sent a state vector of 100,000 clients, which changes constantly. */
export const attack: Attack = {
  name: "repeated connections to a room with many client ids while a client writes",
  connections: [1],
  prepare: async (target) => {
    const runs = Array.from({ length: CLIENTS }, (_, i) => ({
      client: 7 * (i + 1),
      from: 0,
      length: 1,
    }));
    const writer = await target.connect();
    writer.send(encodeRaw({ type: "update", update: updateOf(runs, []) }));
    await writer.drained();
  },
  run: async (target) => {
    const writer = await target.connect();
    for (let clock = 0; !target.over; clock++) {
      const update = updateOf([{ client: 3, from: clock, length: 1 }], []);
      writer.send(encodeRaw({ type: "update", update }));
      const joining = await target.connect();
      joining.send(Uint8Array.of(0, 0, 1, 0));
      await target.pause(1);
      joining.destroy();
    }
  },
};
