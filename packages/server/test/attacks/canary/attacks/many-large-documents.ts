import * as Y from "yjs";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const UPDATE_BYTES = 1024 * 1024;

/** Each connection fills a room of its own; none is too large, and all are more than there is memory. */
export const attack: Attack = {
  name: "many large documents",
  connections: [100],
  seconds: 8,
  run: async (target) => {
    const clients = await target.connectAll((index) => target.room(`${index}`));
    for (let round = 0; !target.over; round++) {
      const doc = new Y.Doc();
      doc.getMap("map").set(`key ${round}`, "x".repeat(UPDATE_BYTES));
      const update = frame(encodeRaw({ type: "update", update: Y.encodeStateAsUpdate(doc) }));
      for (const client of clients) if (client.waiting < UPDATE_BYTES) client.write(update);
      await target.pause(10);
    }
  },
};
