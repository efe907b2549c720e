import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { LoadRoom } from "../hooks/hooks.ts";
import { initialContent } from "../hooks/initial-content.ts";
import type { ServerObserver } from "../hooks/server-observer.ts";
import type { Fetched, Replicator } from "../replication/replicator.ts";
import { CorruptedError, StorageError } from "../storage/errors.ts";
import type { Journal } from "../storage/journal.ts";
import { REMOTE } from "./origin.ts";
import { makeStoredBase } from "./persistence/stored-base.ts";
import { readStores, type StoredRoom, type Stores } from "./persistence/stored-room.ts";
import { Room } from "./room.ts";
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

/**
 * Resolves to the application's content for a room of which nothing is stored; `null` if there is none.
 *
 * @throws StorageError
 */
export type InitialContent = (room: string) => Promise<Uint8Array | null>;

/**
 * Loads a room from another holder or, if there is none, from its snapshot; and in either case from its
 * journal, because a server that died may have written updates there that no other server has.
 *
 * @throws CorruptedError if a part of it is damaged, or its snapshot is known to exist but is missing.
 *   Such a room is never opened as an empty one: saving that would complete the loss.
 * @throws StorageError when the stores could not be read
 */
export async function loadRoom(
  name: string,
  replicator: Replicator,
  stores: Stores,
  services: RoomServices & { initialContent?: InitialContent | undefined },
): Promise<{ readonly room: Room; readonly fetched: Fetched | null }> {
  const fetched = await replicator.fetch();
  const content =
    fetched === null
      ? await readOrBegin(name, stores, services.initialContent)
      : await addJournal(name, fetched.state.updates, stores.journal);
  const { base, tail } = await makeStoredBase(name, content.updates, services);
  const room = new Room(name, base, services, replicator, {
    version: content.version,
    // Updates from another source than the snapshot may not be in it.
    isWhole: fetched === null && content.rows.length === 0,
  });
  for (const update of tail) room.log.append(update, REMOTE);
  const { end } = room.log;
  room.persistence.journaled(content.rows.map(({ id }) => ({ id, end })));
  return { room, fetched };
}

/** Reads the stored room; if nothing is stored, stores the application's initial content. */
async function readOrBegin(
  room: string,
  stores: Stores,
  initialContent: InitialContent | undefined,
): Promise<StoredRoom> {
  const stored = await readStores(room, stores);
  if (stored.updates.length > 0 || initialContent === undefined) return stored;
  const update = await initialContent(room);
  if (update === null) return stored;
  // Like every answer to clients, it must be durable before they see it.
  const ids = await stores.journal.append([{ room, update }]);
  return { updates: [update], rows: ids.map((id) => ({ id, update })), version: null };
}

/** Adds what a dead server may have left in the journal to what another server has in memory. */
async function addJournal(
  room: string,
  fetched: readonly Uint8Array[],
  journal: Journal,
): Promise<StoredRoom> {
  try {
    const { rows } = await journal.read(room);
    return { updates: [...fetched, ...rows.map(({ update }) => update)], rows, version: null };
  } catch (error) {
    if (error instanceof CorruptedError || !(error instanceof StorageError)) throw error;
    // The essential part is here. The holders read the stores again anyway once the room is open.
    return { updates: fetched, rows: [], version: null };
  }
}
