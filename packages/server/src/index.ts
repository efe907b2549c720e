/**
 * A collaboration backend for Yjs applications, embedded in a Node program.
 *
 * ```ts
 * import { createServer } from "symphony-backend";
 *
 * const symphony = await createServer({ settings: { PORT: 1234 } });
 * ```
 *
 * @packageDocumentation
 */

import "./runtime/require-node.ts";

/**
 * The server's copy of Yjs. Types inserted into the `Y.Doc` of a `ServerDocument` must come from it. In an
 * ES module, `import * as Y from "yjs"` is the same copy; in CommonJS, `require("yjs")` is a different one.
 */
export * as Y from "yjs";
export {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type AccessLevel,
  AccessUnavailableError,
  type Attempt,
  type Authorize,
  type Denial,
} from "./auth/access.ts";
export type {
  ClusterMember,
  OpenPart,
  ServerOptions,
  Settings,
  SymphonyServer,
} from "./config/server-options.ts";
export {
  DocumentClosedError,
  type DocumentEnd,
  type ServerDocument,
} from "./documents/server-document.ts";
export type {
  Change,
  ChangeAuthor,
  ChangeEvent,
  ConnectEvent,
  DisconnectEvent,
  Hook,
  Hooks,
  LoadEvent,
  LoadRoom,
  RoomConnection,
  StoreEvent,
} from "./hooks/hooks.ts";
export type { AttachTo } from "./http/attached-listener.ts";
export { RoomNameError } from "./protocol/room-name.ts";
export type { Bus, BusListener, Subscription } from "./replication/bus.ts";
export {
  type AllServers,
  type LeaseState,
  type OtherHolders,
  type Registry,
  RegistryError,
  type ServerAddress,
} from "./replication/registry.ts";
export { DeletedError } from "./room/deleted-rooms.ts";
export { ClosedError } from "./room/room-table.ts";
export { ConfigError } from "./runtime/config-error.ts";
export { createServer } from "./server/create-server.ts";
export {
  CorruptedError,
  SnapshotConflictError,
  SnapshotTooLargeError,
  StorageError,
} from "./storage/errors.ts";
export type {
  Journal,
  JournalId,
  JournalRow,
  ListedJournal,
  RoomJournal,
} from "./storage/journal.ts";
export { MemoryStore } from "./storage/memory/memory-store.ts";
export type {
  ActivityFigures,
  ActivityPoint,
  AdminSessionStore,
  ConnectionPosition,
  ConnectionRecord,
  EndedConnection,
  Metadata,
  MetadataEvent,
  RoomRecord,
  RoomSort,
  RoomsPage,
  RoomsQuery,
  ServerActivity,
  Tombstone,
} from "./storage/metadata.ts";
export type { Snapshot, SnapshotStore, SnapshotVersion } from "./storage/snapshots.ts";
export { InvalidCursorError } from "./storage/sql/rooms-cursor.ts";
