import { useEffect, useState } from "preact/hooks";
import type { PresenceJson, UpdateEvent } from "../../../server/src/http/api/schemas.ts";
import { roomUrl } from "../api/api-url.ts";
import type { StreamState } from "../api/event-stream.ts";
import { findRoom } from "../api/rooms.ts";
import { useEventStream } from "../api/use-event-stream.ts";
import { WatchedRoom } from "./watched-room.ts";

/** Watches a room while a component is mounted. */
export function useWatchedRoom(room: string): {
  readonly state: StreamState;
  readonly watched: WatchedRoom;
} {
  const [watched] = useState(() => new WatchedRoom());
  useEffect(() => () => watched.close(), [watched]);
  const state = useEventStream({
    url: roomUrl(room, "/watch"),
    on: {
      update: (data) => watched.onUpdate(data as UpdateEvent),
      presence: (data) => watched.onPresence(data as PresenceJson),
    },
    onConnect: () => watched.onConnect(),
    explain: (signal) => findRoom(room, signal),
  });
  return { state, watched };
}
