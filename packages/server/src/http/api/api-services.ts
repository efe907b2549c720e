import type { Logger } from "pino";
import type { Fleet } from "../../fleet/fleet.ts";
import type { RoomTable } from "../../room/room-table.ts";
import type { Metadata } from "../../storage/metadata.ts";

/** What the API needs of the server. */
export interface ApiServices {
  readonly metadata: Pick<Metadata, "room" | "rooms" | "roomsNamed" | "activity">;
  readonly fleet: Pick<
    Fleet,
    | "statuses"
    | "held"
    | "liveRooms"
    | "watchLiveRooms"
    | "inspect"
    | "deleteRoom"
    | "removeTombstone"
    | "recheck"
  >;
  readonly rooms: Pick<RoomTable, "open" | "whenDurable" | "workers" | "journal">;
  /**
   * What is stored of a room that nobody holds, as encoded updates; `null` when that is nothing.
   *
   * @throws StorageError, CorruptedError
   */
  readStored(room: string): Promise<readonly Uint8Array[] | null>;
  /**
   * The document that these updates are, as JSON in UTF-8 (`documentSchema`).
   *
   * @throws WorkerError
   */
  documentJson(room: string, updates: readonly Uint8Array[]): Promise<Uint8Array>;
  /** Of this program. */
  readonly version: string;
  readonly maxMessageBytes: number;
  /** Aborts when the server begins to drain: event streams end then. */
  readonly draining: AbortSignal;
  readonly logger: Logger;
}
