/**
 * The least that a relay on `ws` can do: read a message, drop it if it is echoed presence, put it
 * into one frame, and write that frame to the sockets of the other members. It has no documents.
 */
import type { Duplex } from "node:stream";
import { type FloorRoom, PresenceClocks, serveFloor, serverFrame } from "./floor-server.ts";

class RelayRoom implements FloorRoom {
  readonly members: Set<Duplex> = new Set();
  readonly #clocks: PresenceClocks = new PresenceClocks();

  takeUpdate(message: Buffer, sender: Duplex): void {
    const frame = serverFrame(message);
    for (const member of this.members) {
      if (member !== sender) member.write(frame);
    }
  }

  takePresence(message: Buffer, sender: Duplex): void {
    if (this.#clocks.take(message)) this.takeUpdate(message, sender);
  }
}

serveFloor(() => new RelayRoom());
