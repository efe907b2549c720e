import type { ServerAddress } from "../replication/registry.ts";
import type { QuarantinedRoom } from "../room/workers/quarantine.ts";
import type { LiveChanges, LiveMark } from "./server-calls.ts";

/** The connections of one room on all servers. */
export interface LiveRoom {
  readonly connections: number;
  /** The addresses of the servers. */
  readonly servers: readonly ServerAddress[];
  /** Set if any of them has quarantined the room because its document is too expensive. */
  readonly quarantine?: QuarantinedRoom | undefined;
}

/**
 * How long the last figures of a server that does not respond are kept: about as long as its lease.
 */
const KEPT_MS = 10_000;

/** The connections of all rooms, assembled from the reports of each server. */
export class LiveView {
  readonly #servers: Map<ServerAddress, { mark: LiveMark; heardAt: number }> = new Map();
  /** By room and server; no count is 0. */
  readonly #rooms: Map<string, Map<ServerAddress, number>> = new Map();
  #changed: Set<string> = new Set();
  #connections = 0;

  get totals(): { readonly connections: number; readonly rooms: number } {
    return { connections: this.#connections, rooms: this.#rooms.size };
  }

  /** The mark up to which a server's rooms are known. */
  markOf(server: ServerAddress): LiveMark | null {
    return this.#servers.get(server)?.mark ?? null;
  }

  /** Applies a server's report. @param now in milliseconds, from any monotonic clock */
  take(server: ServerAddress, { mark, complete, rooms }: LiveChanges, now: number): void {
    if (complete) {
      const named = new Set(rooms.map(({ room }) => room));
      this.#clear(server, (room) => !named.has(room));
    }
    for (const { room, connections } of rooms) this.#set(room, server, connections);
    this.#servers.set(server, { mark, heardAt: now });
  }

  /** Drops servers that are no longer alive, or have not responded for too long. */
  keep(alive: ReadonlySet<ServerAddress>, now: number): void {
    for (const [server, { heardAt }] of this.#servers) {
      if (alive.has(server) && now - heardAt <= KEPT_MS) continue;
      this.#servers.delete(server);
      this.#clear(server, () => true);
    }
  }

  /** Returns all rooms with connections. */
  all(): ReadonlyMap<string, LiveRoom> {
    return new Map(Array.from(this.#rooms.keys(), (room) => [room, this.#of(room)]));
  }

  /** Returns the rooms that changed since the last call. */
  takeChanged(): ReadonlyMap<string, LiveRoom> {
    const changed = this.#changed;
    this.#changed = new Set();
    return new Map(Array.from(changed, (room) => [room, this.#of(room)]));
  }

  /** Discards the changes so far, as there are no listeners. */
  forgetChanged(): void {
    this.#changed.clear();
  }

  #of(room: string): LiveRoom {
    const counts = this.#rooms.get(room) ?? new Map<ServerAddress, number>();
    let connections = 0;
    for (const count of counts.values()) connections += count;
    return { connections, servers: [...counts.keys()].sort() };
  }

  #set(room: string, server: ServerAddress, connections: number): void {
    const counts = this.#rooms.get(room) ?? new Map<ServerAddress, number>();
    const before = counts.get(server) ?? 0;
    if (connections === before) return;
    this.#changed.add(room);
    this.#connections += connections - before;
    if (connections === 0) counts.delete(server);
    else counts.set(server, connections);
    if (counts.size === 0) this.#rooms.delete(room);
    else this.#rooms.set(room, counts);
  }

  #clear(server: ServerAddress, isGone: (room: string) => boolean): void {
    for (const [room, counts] of this.#rooms) {
      if (counts.has(server) && isGone(room)) this.#set(room, server, 0);
    }
  }
}
