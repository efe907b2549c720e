import { quadraticUpdate } from "../../../support/expensive-documents.ts";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const BOMB = frame(encodeRaw({ type: "update", update: quadraticUpdate(3_000) }));

/** One after another, each in a new room: each takes seconds to compact. */
export const attack: Attack = {
  name: "many rooms with small documents that take quadratic time to compact",
  settings: { SNAPSHOT_INTERVAL_MS: "1000", UNLOAD_DELAY_MS: "1000" },
  run: async (target) => {
    for (let i = 0; !target.over; i++) {
      const client = await target.connect(target.room(`small-bomb-${i}`));
      client.write(BOMB);
      await client.drained();
      await target.pause(20);
    }
  },
};
