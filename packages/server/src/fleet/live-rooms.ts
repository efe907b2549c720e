import { randomUUID } from "node:crypto";
import type { LiveChanges, LiveMark, RoomConnections } from "./server-calls.ts";

/** How many of the latest changes are remembered; an older mark gets everything. */
const REMEMBERED = 16_384;

/**
 * Counts the connections of this server by room. Callers that poll get only what has changed since
 * their last call.
 */
export class LiveRooms {
  readonly #epoch = randomUUID();
  readonly #connections: Map<string, number> = new Map();
  /** Ring buffer of the rooms of the latest changes; change n is at index n modulo REMEMBERED. */
  readonly #changed: string[] = [];
  /** The number of the next change. */
  #version = 0;
  #total = 0;

  /** The number of connections to all rooms. */
  get total(): number {
    return this.#total;
  }

  /** The number of connections to one room. */
  connectionsOf(room: string): number {
    return this.#connections.get(room) ?? 0;
  }

  connected(room: string): void {
    this.#set(room, this.connectionsOf(room) + 1);
    this.#total++;
  }

  /** Must be called once for each call of `connected`. */
  disconnected(room: string): void {
    this.#set(room, this.connectionsOf(room) - 1);
    this.#total--;
  }

  /**
   * Returns what changed since the mark, or everything if it is `null`, too old, or of another
   * epoch.
   */
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
