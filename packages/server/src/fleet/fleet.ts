import type { Logger } from "pino";
import type { DocumentContent } from "../replication/peers.ts";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import type { QuarantinedRoom } from "../room/workers/quarantine.ts";
import { askAll, tellAll } from "./ask-all.ts";
import { LiveServers } from "./live-servers.ts";
import type { LiveRoom } from "./live-view.ts";
import { type LiveRoomsListener, LiveWatch } from "./live-watch.ts";
import { deleteRoom, type RoomStores, removeTombstone } from "./room-deletion.ts";
import { MAX_ROOMS } from "./server-call-messages.ts";
import type { ServerCalls, ServerState } from "./server-calls.ts";

export interface FleetOptions {
  /** This server. */
  readonly local: ServerCalls;
  readonly registry: Pick<Registry, "servers">;
  /** Returns the calls of another server. */
  readonly connect: (address: ServerAddress) => ServerCalls;
  readonly stores: RoomStores;
  readonly logger: Logger;
  /** How long a deleted room cannot be opened, in milliseconds; 0 by default. */
  readonly deletedRoomGrace?: number;
  /** Called after this server has deleted a room everywhere. */
  readonly onDeleted?: ((room: string) => void) | undefined;
}

export interface FleetStatuses {
  readonly servers: readonly (ServerState & { readonly address: ServerAddress })[];
  /** Servers that are presumed alive but did not respond. */
  readonly unreachable: readonly { readonly address: ServerAddress; readonly reason: string }[];
}

/**
 * Queries and commands across all live servers. Servers that do not respond are left out unless
 * stated otherwise; while the registry cannot be read, the last known list of servers is used.
 */
export class Fleet {
  readonly #servers: LiveServers;
  readonly #watch: LiveWatch;
  readonly #stores: RoomStores;
  readonly #logger: Logger;
  readonly #deletedRoomGrace: number;
  readonly #onDeleted: ((room: string) => void) | undefined;

  constructor(options: FleetOptions) {
    this.#servers = new LiveServers(options);
    this.#watch = new LiveWatch(this.#servers, options.logger);
    this.#stores = options.stores;
    this.#logger = options.logger;
    this.#deletedRoomGrace = options.deletedRoomGrace ?? 0;
    this.#onDeleted = options.onDeleted;
  }

  async statuses(): Promise<FleetStatuses> {
    const servers = await this.#servers.recent();
    const { answers, failures } = await askAll(servers, (server) => server.status());
    return {
      servers: answers.map(({ address, answer }) => ({ address, ...answer })),
      unreachable: failures,
    };
  }

  /** Returns those of these rooms that any server holds. */
  async held(rooms: readonly string[]): Promise<ReadonlyMap<string, LiveRoom>> {
    const servers = await this.#servers.recent();
    const { answers } = await askAll(servers, async (server) => {
      const held = [];
      for (let at = 0; at < rooms.length; at += MAX_ROOMS) {
        held.push(...(await server.held(rooms.slice(at, at + MAX_ROOMS))));
      }
      return held;
    });
    type Found = { connections: number; servers: ServerAddress[]; quarantine?: QuarantinedRoom };
    const found = new Map<string, Found>();
    for (const { address, answer } of answers) {
      for (const { room, connections, quarantine } of answer) {
        const one: Found = found.get(room) ?? { connections: 0, servers: [] };
        found.set(room, one);
        one.connections += connections;
        one.servers.push(address);
        if (quarantine !== undefined) one.quarantine = quarantine;
      }
    }
    return found;
  }

  /** Returns all rooms with connected clients. */
  liveRooms(): Promise<ReadonlyMap<string, LiveRoom>> {
    return this.#watch.all();
  }

  /**
   * Calls back soon with all rooms that have connected clients, then about once a second with those
   * that changed. The last figures of an unreachable server are kept for some seconds.
   *
   * @returns stops watching; no call follows
   */
  watchLiveRooms(listener: LiveRoomsListener): () => void {
    return this.#watch.watch(listener);
  }

  /**
   * Returns the document of a room from a server that has it open, preferably this one, or `null`
   * if no server that responds has it open.
   */
  async inspect(room: string): Promise<DocumentContent | null> {
    const [local, ...others] = await this.#servers.recent();
    const here = await local?.inspect(room);
    if (here) return here;
    const { answers } = await askAll(others, (server) => server.held([room]));
    const holders = new Set(
      answers.filter(({ answer }) => answer.length > 0).map(({ address }) => address),
    );
    // Sequentially, because each may send a large document.
    for (const server of others) {
      if (!holders.has(server.address)) continue;
      const document = await this.#inspectOn(server, room);
      if (document !== null) return document;
    }
    return null;
  }

  /** See `deleteRoom`. */
  async deleteRoom(room: string): Promise<void> {
    await deleteRoom(room, this.#servers, this.#stores, this.#deletedRoomGrace);
    this.#onDeleted?.(room);
  }

  /** See `removeTombstone`. */
  async removeTombstone(room: string): Promise<void> {
    await removeTombstone(room, this.#servers, this.#stores);
  }

  /**
   * Checks each connection of a room again, and closes those that are no longer allowed.
   *
   * @throws RegistryError, PeerError if not all live servers could be reached; the others still
   *   do it
   */
  async recheck(room: string): Promise<void> {
    const what = `checking the connections of room ${JSON.stringify(room)}`;
    await tellAll(await this.#servers.now(), what, (server) => server.recheck(room));
  }

  async #inspectOn(server: ServerCalls, room: string): Promise<DocumentContent | null> {
    try {
      return await server.inspect(room);
    } catch (error) {
      this.#logger.warn({ room, holder: server.address, err: error }, "peer did not respond");
      return null;
    }
  }
}
