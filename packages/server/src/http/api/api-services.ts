import type { Logger } from "pino";
import type { Fleet } from "../../fleet/fleet.ts";
import type { RoomTable } from "../../room/room-table.ts";
import type { Metadata } from "../../storage/metadata.ts";

/** The parts of the server that the API uses. */
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
   * Reads a room that no server holds from the stores, as encoded updates; `null` if nothing is stored.
   *
   * @throws StorageError, CorruptedError
   */
  readStored(room: string): Promise<readonly Uint8Array[] | null>;
  /**
   * Renders the document that these updates form, as JSON in UTF-8 (`documentSchema`).
   *
   * @throws WorkerError
   */
  documentJson(room: string, updates: readonly Uint8Array[]): Promise<Uint8Array>;
  /** The version of this program. */
  readonly version: string;
  readonly maxMessageBytes: number;
  /** Aborts when the server begins to drain; event streams end then. */
  readonly draining: AbortSignal;
  readonly logger: Logger;
}
