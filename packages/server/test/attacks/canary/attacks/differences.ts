import * as Y from "yjs";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

/** The state vector of a client that has one change by a client unknown to the server. */
const STATE_VECTOR = Uint8Array.of(1, 99, 1);
const ASKS = repeated(frame(encodeRaw({ type: "step1", stateVector: STATE_VECTOR })), 50);

/** A client with its own state is answered with its own diff, which cannot be shared: here 4 MB. */
export const attack: Attack = {
  name: "diffs for clients that do not read",
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
