import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import { ServerDocuments } from "../documents/server-documents.ts";
import { HookCalls } from "../hooks/hook-calls.ts";
import type { MetadataWriter } from "../metadata/metadata-writer.ts";
import type { Cluster } from "../replication/cluster.ts";
import { BACKLOG_BYTES } from "../room/journal-writer.ts";
import { RoomTable } from "../room/room-table.ts";
import type { Notifications } from "./open-notifications.ts";
import type { AllStores } from "./open-stores.ts";

/** The parts that rooms depend on. */
export interface RoomParts {
  readonly stores: AllStores;
  readonly cluster: Cluster;
  readonly metadata: MetadataWriter;
  readonly notifications: Notifications;
  readonly custom: Pick<ServerOptions, "hooks" | "load">;
  readonly logger: Logger;
}

export interface OpenedRooms {
  readonly rooms: RoomTable;
  /** The same rooms, for code in this process. */
  readonly serverDocuments: ServerDocuments;
  /** `undefined` if the application provides none. */
  readonly hooks: HookCalls | undefined;
}

/** Creates the rooms of a server, and connects them to hooks and notifications. */
export function openRooms(config: Config, parts: RoomParts): OpenedRooms {
  const { stores, cluster, metadata, custom, logger } = parts;
  const { changes, events } = parts.notifications;
  const { GC: collect, MAX_DOCUMENT_BYTES: maxDocumentBytes } = config;
  const { load } = custom;
  const hooks =
    custom.hooks === undefined && load === undefined
      ? undefined
      : new HookCalls(custom.hooks ?? {}, logger);
  const rooms = new RoomTable({
    stores,
    cluster,
    metadata,
    logger,
    snapshotInterval: config.SNAPSHOT_INTERVAL_MS,
    unloadDelay: config.UNLOAD_DELAY_MS,
    journalBacklog: Math.min(BACKLOG_BYTES, config.MAX_MEMORY_BYTES / 16),
    memory: config.MAX_MEMORY_BYTES,
    collect,
    maxDocumentBytes,
    hooks,
    initial: load && hooks && { load, hooks },
    onDurable: changes === null ? undefined : (room) => changes.changed(room),
    onFirstHolder: events === null ? undefined : (room) => events.roomOpened(room),
    onUnloaded: events === null ? undefined : (room) => events.roomUnloaded(room),
  });
  const serverDocuments = new ServerDocuments({
    rooms,
    logger,
    collect,
    maxMessageBytes: config.MAX_MESSAGE_BYTES,
  });
  return { rooms, serverDocuments, hooks };
}
