import { encodeRaw, type RawPresence } from "../../../support/raw-messages.ts";
import type { Attack } from "../attack.ts";

const IDS = 300_000;

/** Client ids that are added and immediately removed. */
function churn(first: number): Uint8Array {
  const states: RawPresence[] = [];
  for (let client = first; client < first + IDS; client++) {
    states.push({ client, clock: 1, state: {} }, { client, clock: 2, state: null });
  }
  return encodeRaw({ type: "presence", states });
}

const changes = Array.from({ length: 400 }, (_, clock) =>
  encodeRaw({ type: "presence", states: [{ client: 1, clock, state: { clock } }] }),
);

/** Clients that came and went must not make later changes expensive. */
export const attack: Attack = {
  name: "presence entries that come and go, then many changes",
  connections: [1],
  run: async (target) => {
    const [churner, follower] = [await target.connect(), await target.connect()];
    follower.send(Uint8Array.of(0, 0, 1, 0));
    churner.send(churn(1_000));
    await churner.drained();
    const changer = await target.connect();
    while (!target.over) {
      for (const change of changes) {
        if (target.over) return;
        changer.send(change);
        if (changer.waiting > 100_000) await changer.drained();
      }
      churner.send(Uint8Array.of(3));
      await target.pause(20);
    }
  },
};
