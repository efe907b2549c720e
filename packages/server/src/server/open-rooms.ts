import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import { ServerDocuments } from "../documents/server-documents.ts";
import { HookCalls } from "../hooks/hook-calls.ts";
import type { ServerObserver } from "../hooks/server-observer.ts";
import type { Cluster } from "../replication/cluster.ts";
import { BACKLOG_BYTES } from "../room/persistence/journal-writer.ts";
import { RoomTable } from "../room/room-table.ts";
import type { AllStores } from "./open-stores.ts";

/** The parts that rooms depend on. */
export interface RoomParts {
  readonly stores: AllStores;
  readonly cluster: Cluster;
  readonly observer: ServerObserver;
  readonly hooks: HookCalls | undefined;
  readonly load: ServerOptions["load"];
  readonly logger: Logger;
}

export interface OpenedRooms {
  readonly rooms: RoomTable;
  /** The same rooms, for code in this process. */
  readonly serverDocuments: ServerDocuments;
}

/** Prepares the application's hooks; `undefined` if it provides none. */
export function openHooks(
  { hooks, load }: Pick<ServerOptions, "hooks" | "load">,
  logger: Logger,
): HookCalls | undefined {
  return hooks === undefined && load === undefined ? undefined : new HookCalls(hooks ?? {}, logger);
}

/** Creates the rooms of a server. */
export function openRooms(config: Config, parts: RoomParts): OpenedRooms {
  const { stores, cluster, observer, hooks, load, logger } = parts;
  const { GC: collect, MAX_DOCUMENT_BYTES: maxDocumentBytes } = config;
  const rooms = new RoomTable({
    stores,
    cluster,
    observer,
    logger,
    snapshotInterval: config.SNAPSHOT_INTERVAL_MS,
    unloadDelay: config.UNLOAD_DELAY_MS,
    journalBacklog: Math.min(BACKLOG_BYTES, config.MAX_MEMORY_BYTES / 16),
    memory: config.MAX_MEMORY_BYTES,
    collect,
    maxDocumentBytes,
    initial: load && hooks && { load, hooks },
  });
  const serverDocuments = new ServerDocuments({
    rooms,
    logger,
    collect,
    maxMessageBytes: config.MAX_MESSAGE_BYTES,
  });
  return { rooms, serverDocuments };
}
