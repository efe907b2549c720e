/** A relay that loses one update, to verify that such a server gets no figures. */
import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";

const EMPTY_ANSWER = Uint8Array.of(0, 1, 2, 0, 0);
const UPDATE_TO_LOSE = 100;

const rooms = new Map<string, Set<WebSocket>>();
let updates = 0;

const server = createServer();
const sockets = new WebSocketServer({ server });
sockets.on("connection", (client, request) => {
  const name = request.url ?? "/";
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(client));
  client.on("close", () => room.delete(client));
  client.on("message", (data: Buffer) => {
    if (data[0] === 0 && data[1] === 0) client.send(EMPTY_ANSWER);
    if (data[0] !== 0 || data[1] !== 2) return;
    updates++;
    if (updates === UPDATE_TO_LOSE) return;
    for (const member of room) if (member !== client) member.send(data);
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  const url = `http://127.0.0.1:${address.port}`;
  process.stdout.write(`${JSON.stringify({ msg: "listening", url })}\n`);
});
