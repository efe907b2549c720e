import type { Attack, AttackTarget } from "../attack.ts";

const ORIGIN = { origin: "https://elsewhere.example" };
/** The delay of providers that reset their backoff once a WebSocket is open. */
const RECONNECT_MS = 100;

/** Reconnects whenever it is refused. */
async function tab(target: AttackTarget): Promise<void> {
  while (!target.over) {
    try {
      const socket = await target.connect(target.room(), { headers: ORIGIN });
      const { received } = socket;
      // The only message it can receive is the refusal.
      while (socket.isOpen && socket.received === received && !target.over) {
        await target.pause(RECONNECT_MS);
      }
      socket.destroy();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
    await target.pause(RECONNECT_MS);
  }
}

/** Forgotten tabs of a page that is not allowed to connect. */
export const attack: Attack = {
  name: "refused tabs",
  connections: [100],
  settings: { ALLOWED_ORIGINS: "https://example.com" },
  run: async (target) => {
    await Promise.all(Array.from({ length: target.connections }, () => tab(target)));
  },
};
