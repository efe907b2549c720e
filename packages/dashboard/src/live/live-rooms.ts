import type { RoomsEvent } from "../../../server/src/http/api/schemas.ts";

export type LiveRoom = RoomsEvent["rooms"][number];

/** The rooms with connections. */
export interface LiveRooms {
  readonly rooms: ReadonlyMap<string, LiveRoom>;
  readonly totals: RoomsEvent["totals"];
}

/** Applies an event to the previous state. @param before `undefined` if there is none */
export function applyRoomsEvent(before: LiveRooms | undefined, event: RoomsEvent): LiveRooms {
  const rooms = new Map(event.complete ? [] : before?.rooms);
  for (const room of event.rooms) {
    if (room.connections === 0) rooms.delete(room.name);
    else rooms.set(room.name, room);
  }
  return { rooms, totals: event.totals };
}

/** The rooms whose name contains the text, ignoring case, in descending order of connections. */
export function filterLiveRooms({ rooms }: LiveRooms, text: string): LiveRoom[] {
  const wanted = text.trim().toLowerCase();
  const found = [...rooms.values()].filter(({ name }) => name.toLowerCase().includes(wanted));
  return found.sort((a, b) => b.connections - a.connections || compare(a.name, b.name));
}

/** Much faster than locale-aware comparison, which matters with thousands of rooms. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
