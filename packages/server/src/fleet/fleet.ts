import type { Logger } from "pino";
import type { DocumentContent } from "../replication/peers.ts";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import type { QuarantinedRoom } from "../room/quarantine.ts";
import { askAll, tellAll } from "./ask-all.ts";
import { LiveServers } from "./live-servers.ts";
import type { Liveness } from "./live-view.ts";
import { type LiveRoomsListener, LiveWatch } from "./live-watch.ts";
import { deleteRoom, type RoomStores, removeTombstone } from "./room-deletion.ts";
import { MAX_ROOMS } from "./server-call-messages.ts";
import type { ServerCalls, ServerState } from "./server-calls.ts";

export interface FleetOptions {
  /** This server. */
  readonly local: ServerCalls;
  readonly registry: Pick<Registry, "servers">;
  /** Gives the calls of another server. */
  readonly connect: (address: ServerAddress) => ServerCalls;
  readonly stores: RoomStores;
  readonly logger: Logger;
  /** How long nobody may open a room that was deleted, in milliseconds; 0 without it. */
  readonly deletedRoomGrace?: number;
  /** A room was deleted by this server, everywhere. */
  readonly onDeleted?: ((room: string) => void) | undefined;
}

export interface FleetStatuses {
  readonly servers: readonly (ServerState & { readonly address: ServerAddress })[];
  /** Servers that are taken for alive and did not answer. */
  readonly unreachable: readonly { readonly address: ServerAddress; readonly reason: string }[];
}

/**
 * All live servers as one. A server that does not answer is left out, unless it is said otherwise;
 * while the registry cannot be read, the servers are those that were known last.
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

  /** Of these rooms, those that somebody holds. */
  async held(rooms: readonly string[]): Promise<ReadonlyMap<string, Liveness>> {
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

  /** All rooms to which somebody is connected. */
  liveRooms(): Promise<ReadonlyMap<string, Liveness>> {
    return this.#watch.all();
  }

  /**
   * Calls back soon with all rooms to which somebody is connected, and then with those that changed,
   * about once a second. A server that cannot be asked keeps its last figures for some seconds.
   *
   * @returns ends it; no call follows
   */
  watchLiveRooms(listener: LiveRoomsListener): () => void {
    return this.#watch.watch(listener);
  }

  /**
   * The document of a room, of whichever server has it open; of this one, if it has. `null` when none
   * that answers has it.
   */
  async inspect(room: string): Promise<DocumentContent | null> {
    const [local, ...others] = await this.#servers.recent();
    const here = await local?.inspect(room);
    if (here) return here;
    const { answers } = await askAll(others, (server) => server.held([room]));
    const holders = new Set(
      answers.filter(({ answer }) => answer.length > 0).map(({ address }) => address),
    );
    // One after the other: each may send a large document.
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
   * Asks again, for each connection of a room, whether it is still allowed; ends those that are not.
   *
   * @throws RegistryError, PeerError when not all live servers could be told; the others do it
   */
  async recheck(room: string): Promise<void> {
    const what = `checking the connections of room ${JSON.stringify(room)}`;
    await tellAll(await this.#servers.now(), what, (server) => server.recheck(room));
  }

  async #inspectOn(server: ServerCalls, room: string): Promise<DocumentContent | null> {
    try {
      return await server.inspect(room);
    } catch (error) {
      this.#logger.warn({ room, holder: server.address, err: error }, "no answer");
      return null;
    }
  }
}
