import type { RoomsEvent } from "../../../server/src/http/api/schemas.ts";

export type LiveRoom = RoomsEvent["rooms"][number];

/** The rooms to which somebody is connected. */
export interface LiveRooms {
  readonly rooms: ReadonlyMap<string, LiveRoom>;
  readonly totals: RoomsEvent["totals"];
}

/** What is known after an event. @param before `undefined` when nothing was known */
export function applyRoomsEvent(before: LiveRooms | undefined, event: RoomsEvent): LiveRooms {
  const rooms = new Map(event.complete ? [] : before?.rooms);
  for (const room of event.rooms) {
    if (room.connections === 0) rooms.delete(room.name);
    else rooms.set(room.name, room);
  }
  return { rooms, totals: event.totals };
}

/** The rooms whose name holds the text, in whatever case: those with the most connections first. */
export function filterLiveRooms({ rooms }: LiveRooms, text: string): LiveRoom[] {
  const wanted = text.trim().toLowerCase();
  const found = [...rooms.values()].filter(({ name }) => name.toLowerCase().includes(wanted));
  return found.sort((a, b) => b.connections - a.connections || compare(a.name, b.name));
}

/** Much faster than by the rules of a language, which matters with thousands of rooms. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
