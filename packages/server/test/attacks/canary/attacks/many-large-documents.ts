import * as Y from "yjs";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const MIB = 1024 * 1024;
/** The attacker shares the processors with the server: more at once would measure its own work. */
const AT_ONCE = 10;

/** Each connection fills a room of its own; none is too large, and all are more than there is memory. */
export const attack: Attack = {
  name: "many large documents",
  connections: [20, 100],
  run: fillRooms(MIB),
};

/** Makes each connection send updates of this many bytes to a room of its own, as fast as it can. */
export function fillRooms(updateBytes: number): Attack["run"] {
  return async (target) => {
    const clients = await target.connectAll((index) => target.room(`${index}`));
    for (let round = 0; !target.over; round++) {
      const ready = clients.filter(({ waiting }) => waiting < MIB).slice(0, AT_ONCE);
      if (ready.length > 0) {
        const update = updateOf(`key ${round}`, updateBytes);
        for (const client of ready) client.write(update);
      }
      await target.pause(10);
    }
  };
}

function updateOf(key: string, bytes: number): Buffer {
  const doc = new Y.Doc();
  doc.getMap("map").set(key, "x".repeat(bytes));
  return frame(encodeRaw({ type: "update", update: Y.encodeStateAsUpdate(doc) }));
}
