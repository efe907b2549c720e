import { randomBytes } from "node:crypto";
import type { Attack } from "../attack.ts";

/** Guessed admin sessions in well-formed cookies. */
export const attack: Attack = {
  name: "guessed session cookies",
  connections: [16],
  run: async (target) => {
    const guess = async () => {
      while (!target.over) {
        const cookie = `symphony_session=${randomBytes(32).toString("base64url")}`;
        await target.request("/api/rooms", { headers: { cookie } });
      }
    };
    await Promise.all(Array.from({ length: target.connections }, guess));
  },
};
