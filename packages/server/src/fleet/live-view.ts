import type { ServerAddress } from "../replication/registry.ts";
import type { QuarantinedRoom } from "../room/quarantine.ts";
import type { LiveChanges, LiveMark } from "./server-calls.ts";

/** The connections of one room, on all servers. */
export interface Liveness {
  readonly connections: number;
  /** The addresses of the servers. */
  readonly servers: readonly ServerAddress[];
  /** When one of them finds the room's document too expensive. */
  readonly quarantine?: QuarantinedRoom | undefined;
}

/** So long a server that does not answer keeps the figures that it told last: as its lease lasts. */
const KEPT_MS = 10_000;

/** The connections of all rooms, put together from what each server tells of its own. */
export class LiveView {
  readonly #servers: Map<ServerAddress, { mark: LiveMark; heardAt: number }> = new Map();
  /** By room and server; no count is 0. */
  readonly #rooms: Map<string, Map<ServerAddress, number>> = new Map();
  #changed: Set<string> = new Set();
  #connections = 0;

  get totals(): { readonly connections: number; readonly rooms: number } {
    return { connections: this.#connections, rooms: this.#rooms.size };
  }

  /** Up to where the rooms of a server are known. */
  markOf(server: ServerAddress): LiveMark | null {
    return this.#servers.get(server)?.mark ?? null;
  }

  /** Takes what a server tells. @param now in milliseconds, by any clock that does not go back */
  take(server: ServerAddress, { mark, complete, rooms }: LiveChanges, now: number): void {
    if (complete) {
      const named = new Set(rooms.map(({ room }) => room));
      this.#clear(server, (room) => !named.has(room));
    }
    for (const { room, connections } of rooms) this.#set(room, server, connections);
    this.#servers.set(server, { mark, heardAt: now });
  }

  /** Forgets who is not among the servers that are alive, and who has not answered for too long. */
  keep(alive: ReadonlySet<ServerAddress>, now: number): void {
    for (const [server, { heardAt }] of this.#servers) {
      if (alive.has(server) && now - heardAt <= KEPT_MS) continue;
      this.#servers.delete(server);
      this.#clear(server, () => true);
    }
  }

  /** All rooms with connections. */
  all(): ReadonlyMap<string, Liveness> {
    return new Map(Array.from(this.#rooms.keys(), (room) => [room, this.#of(room)]));
  }

  /** The rooms that changed since this was called last. */
  takeChanged(): ReadonlyMap<string, Liveness> {
    const changed = this.#changed;
    this.#changed = new Set();
    return new Map(Array.from(changed, (room) => [room, this.#of(room)]));
  }

  /** What changed until now is of interest to nobody. */
  forgetChanged(): void {
    this.#changed.clear();
  }

  #of(room: string): Liveness {
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
