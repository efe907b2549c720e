import type { Attack } from "../attack.ts";

/** Rooms opened by clients that disconnect immediately. */
export const attack: Attack = {
  name: "thousands of rooms that are visited but never written to",
  run: async (target) => {
    for (let room = 0; !target.over; ) {
      const batch = Array.from({ length: 20 }, () => target.connect(target.room(`${room++}`)));
      for (const result of await Promise.allSettled(batch)) {
        if (result.status === "fulfilled") result.value.destroy();
      }
    }
  },
};
