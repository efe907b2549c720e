import type { LiveRoom } from "../../fleet/live-view.ts";
import type { RoomRecord } from "../../storage/metadata.ts";
import type { RoomJson } from "./schemas.ts";

const NOBODY: LiveRoom = { connections: 0, servers: [] };

/**
 * A room in the API's format.
 *
 * @param record missing if the room has only just been opened
 */
export function roomJson(
  name: string,
  { createdAt, updatedAt, bytes }: Omit<RoomRecord, "name"> = {
    createdAt: Date.now(),
    updatedAt: null,
    bytes: 0,
  },
  { connections, servers, quarantine }: LiveRoom = NOBODY,
): RoomJson {
  return {
    name,
    createdAt: isoTime(createdAt),
    updatedAt: updatedAt === null ? null : isoTime(updatedAt),
    bytes,
    active: connections > 0,
    connections,
    servers: [...servers],
    ...(quarantine && {
      quarantine: {
        reason: quarantine.reason,
        since: isoTime(quarantine.since),
        retryAt: isoTime(quarantine.retryAt),
      },
    }),
  };
}

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
