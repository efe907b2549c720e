import { updateOf } from "../../../support/made-updates.ts";
import { encodeRaw } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";
import { frame, repeated } from "../raw-socket.ts";

const UPDATES = 256;
const STRUCTS = 1_500;
const QUESTION = encodeRaw({ type: "step1", stateVector: Uint8Array.of(0) });

/** Each holds every 256th client, so merging them switches between updates at every struct. */
const updates = Array.from({ length: UPDATES }, (_, u) => {
  const runs = Array.from({ length: STRUCTS }, (_, s) => ({
    client: 1 + u + s * UPDATES,
    from: 0,
    length: 1,
  }));
  return frame(encodeRaw({ type: "update", update: updateOf(runs, []) }));
});

/** Small updates of the same kind, which are merged like typing. */
const small = Array.from({ length: 2_000 }, (_, u) => {
  const runs = Array.from({ length: 8 }, (_, s) => ({
    client: 1 + u + s * 2_000,
    from: 0,
    length: 1,
  }));
  return frame(encodeRaw({ type: "update", update: updateOf(runs, []) }));
});

/** They are merged for subscribers, for joining clients, and in the log. */
export const attack: Attack = {
  name: "interleaved updates, and clients that join and read slowly",
  connections: [1],
  run: async (target) => {
    const [follower, slow] = [await target.connect(), await target.connect()];
    for (const reader of [follower, slow]) reader.send(QUESTION);
    slow.stopReading();
    const writer = await target.connect();
    for (const batch of [updates, small]) {
      for (let i = 0; i < batch.length && !target.over; i += 16) {
        writer.write(Buffer.concat(batch.slice(i, i + 16)));
        const joining = await target.connect();
        joining.send(QUESTION);
        follower.write(repeated(frame(QUESTION), 5));
        await writer.drained();
        joining.destroy();
      }
    }
  },
};
