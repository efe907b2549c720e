import type { Attack } from "../attack.ts";
import { repeated } from "../raw-socket.ts";

const REQUESTS = ["/", "/health/ready", "/dashboard/", "/api/openapi.json", "/api/rooms"].map(
  (path) => repeated(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`), 200),
);
const MOST_WAITING = 256 * 1024;

/** Pipelined requests without a token, whose responses are never read. */
export const attack: Attack = {
  name: "pipelined requests whose responses are not read",
  connections: [100],
  run: async (target) => {
    const sockets = await Promise.all(
      Array.from({ length: target.connections }, () => target.tcp()),
    );
    for (const socket of sockets) socket.stopReading();
    while (!target.over) {
      sockets.forEach((socket, i) => {
        const requests = REQUESTS[i % REQUESTS.length];
        if (requests !== undefined && socket.waiting < MOST_WAITING) socket.write(requests);
      });
      await target.pause(10);
    }
  },
};
