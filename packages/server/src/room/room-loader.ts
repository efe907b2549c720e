import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { LoadRoom } from "../hooks/hooks.ts";
import { initialContent } from "../hooks/initial-content.ts";
import type { ServerObserver } from "../hooks/server-observer.ts";
import type { Replicator } from "../replication/replicator.ts";
import { type InitialContent, loadRoom } from "./load-room.ts";
import type { Stores } from "./persistence/stored-room.ts";
import type { Room } from "./room.ts";
import type { RoomServices } from "./room-services.ts";

export interface RoomLoaderOptions {
  readonly stores: Stores;
  readonly services: RoomServices;
  readonly observer: ServerObserver;
  readonly logger: Logger;
  /** Provides the initial content of rooms, which must not exceed `maxDocumentBytes`. */
  readonly initial?: { readonly load: LoadRoom; readonly hooks: HookCalls } | undefined;
}

/** Loads rooms. */
export class RoomLoader {
  readonly #options: RoomLoaderOptions;
  readonly #services: RoomServices & { readonly initialContent: InitialContent | undefined };

  constructor(options: RoomLoaderOptions) {
    this.#options = options;
    this.#services = { ...options.services, initialContent: newInitialContent(options) };
  }

  /**
   * Subscribes, then registers, then reads, so that nothing can be missed in between.
   *
   * @throws as `loadRoom`; this server is then no longer a holder of the room
   */
  async load(name: string, replicator: Replicator): Promise<Room> {
    const { stores, observer } = this.#options;
    try {
      await replicator.join();
      const isFirst = !replicator.active;
      const { room, fetched } = await loadRoom(name, replicator, stores, this.#services);
      replicator.start(room, fetched, () => room.recover(stores));
      observer.roomOpened(name, isFirst);
      return room;
    } catch (error) {
      await replicator.leave();
      throw error;
    }
  }
}

/** Gets the initial content of rooms from the application; `undefined` if it does not provide any. */
function newInitialContent({
  initial,
  services,
  logger,
}: RoomLoaderOptions): InitialContent | undefined {
  if (initial === undefined) return undefined;
  const { load, hooks } = initial;
  const { maxDocumentBytes = Number.POSITIVE_INFINITY } = services;
  return (room) => {
    const inspect = (update: Uint8Array) => services.workers.run(room, "inspect", update);
    return initialContent(room, { load, inspect, maxDocumentBytes, stats: hooks.stats, logger });
  };
}
