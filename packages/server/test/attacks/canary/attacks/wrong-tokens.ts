import type { Attack } from "../attack.ts";

const LARGE = `e30.${"a".repeat(6_000)}.${"b".repeat(43)}`;

/** Large invalid tokens, sent to the WebSocket endpoint and to the API. */
export const attack: Attack = {
  name: "wrong tokens",
  connections: [20],
  run: async (target) => {
    for (let i = 0; !target.over; i++) {
      const batch: Promise<unknown>[] = Array.from({ length: target.connections }, (_, n) =>
        target.connect(target.room(`${n}`), { query: `?token=${i}${LARGE}` }),
      );
      for (let n = 0; n < target.connections; n++) {
        const headers = { authorization: `Bearer ${i}-${n}${LARGE}` };
        batch.push(target.request("/api/rooms", { headers }));
      }
      for (const result of await Promise.allSettled(batch)) {
        if (result.status === "rejected") await target.pause(1);
      }
    }
  },
};
