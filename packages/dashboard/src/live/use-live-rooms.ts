import { useState } from "preact/hooks";
import type { RoomsEvent } from "../../../server/src/http/api/schemas.ts";
import { apiUrl } from "../api/api-url.ts";
import type { StreamState } from "../api/event-stream.ts";
import { checkAccess } from "../api/session.ts";
import { useEventStream } from "../api/use-event-stream.ts";
import { applyRoomsEvent, type LiveRooms } from "./live-rooms.ts";

/** The rooms with connections, kept up to date; `undefined` until the server has sent them. */
export function useLiveRooms(): {
  readonly state: StreamState;
  readonly live: LiveRooms | undefined;
} {
  const [live, setLive] = useState<LiveRooms>();
  const state = useEventStream({
    url: apiUrl("events"),
    on: {
      rooms: (data) => setLive((before) => applyRoomsEvent(before, data as RoomsEvent)),
    },
    // Nothing to do: the first event is marked complete and replaces everything.
    onConnect: () => {},
    explain: checkAccess,
  });
  return { state, live };
}
