import { randomBytes } from "node:crypto";
import type { Attack } from "../attack.ts";

/** Guesses of admin sessions, in well-formed cookies. */
export const attack: Attack = {
  name: "guesses of session cookies",
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
