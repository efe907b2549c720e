import * as Y from "yjs";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame } from "../raw-socket.ts";

const ASK = frame(encodeRaw({ type: "step1", stateVector: Uint8Array.of(0) }));
const IS_HERE = frame(
  encodeRaw({ type: "presence", states: [{ client: 7, clock: 1, state: { name: "x" } }] }),
);

/** Connects, requests a 2 MB document, and disconnects before receiving it, again and again. */
export const attack: Attack = {
  name: "reconnects to a large room",
  connections: [20],
  prepare: async (target) => {
    const doc = new Y.Doc();
    doc.getMap("map").set("key", "x".repeat(2_000_000));
    const author = await target.connect();
    author.send(encodeRaw({ type: "update", update: Y.encodeStateAsUpdate(doc) }));
    await author.drained();
  },
  run: async (target) => {
    while (!target.over) {
      const clients = await target.connectAll();
      for (const client of clients) {
        client.write(ASK);
        client.write(IS_HERE);
      }
      await target.pause(20);
      for (const client of clients) client.destroy();
    }
  },
};
