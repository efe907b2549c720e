import { randomUUID } from "node:crypto";
import type { LiveChanges, LiveMark, RoomConnections } from "./server-calls.ts";

/** So many of the newest changes are remembered; a mark that is older gets everything. */
const REMEMBERED = 16_384;

/**
 * Counts the connections of this server by room, and tells those who ask again and again only what
 * has changed since they asked last.
 */
export class LiveRooms {
  readonly #epoch = randomUUID();
  readonly #connections: Map<string, number> = new Map();
  /** The room of each of the last changes; that of change number n is at n modulo the length. */
  readonly #changed: string[] = [];
  /** The number of the next change. */
  #version = 0;
  #total = 0;

  /** All connections, to whichever room. */
  get total(): number {
    return this.#total;
  }

  /** How many connections a room has. */
  connectionsOf(room: string): number {
    return this.#connections.get(room) ?? 0;
  }

  connected(room: string): void {
    this.#set(room, this.connectionsOf(room) + 1);
    this.#total++;
  }

  /** Every call of `connected` is followed by one of this. */
  disconnected(room: string): void {
    this.#set(room, this.connectionsOf(room) - 1);
    this.#total--;
  }

  /** What changed since `since`; everything when it is `null`, of another epoch, or too old. */
  changes(since: LiveMark | null): LiveChanges {
    const mark = { epoch: this.#epoch, version: this.#version };
    const complete = since === null || !this.#remembers(since);
    const rooms = complete ? this.#connections.keys() : this.#changedFrom(since.version);
    return { mark, complete, rooms: Array.from(rooms, (room) => this.#count(room)) };
  }

  #set(room: string, connections: number): void {
    if (connections === 0) this.#connections.delete(room);
    else this.#connections.set(room, connections);
    this.#changed[this.#version % REMEMBERED] = room;
    this.#version++;
  }

  #remembers({ epoch, version }: LiveMark): boolean {
    return epoch === this.#epoch && this.#version - version <= REMEMBERED;
  }

  #changedFrom(version: number): Set<string> {
    const rooms = new Set<string>();
    for (let change = version; change < this.#version; change++) {
      const room = this.#changed[change % REMEMBERED];
      if (room !== undefined) rooms.add(room);
    }
    return rooms;
  }

  #count(room: string): RoomConnections {
    return { room, connections: this.connectionsOf(room) };
  }
}
