import type { Server } from "node:http";

/** Listens on a free port of 127.0.0.1 and prints the line that `ServerProcess` waits for. */
export function listenAndAnnounce(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("not a TCP server");
    const url = `http://127.0.0.1:${address.port}`;
    process.stdout.write(`${JSON.stringify({ msg: "listening", url })}\n`);
  });
}
