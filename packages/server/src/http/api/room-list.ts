import { listActiveRooms } from "./active-rooms.ts";
import type { ApiServices } from "./api-services.ts";
import { ApiProblem } from "./problems.ts";
import { roomJson } from "./room-json.ts";
import type { RoomJson, RoomList, RoomListQuery } from "./schemas.ts";

type RoomListServices = Pick<ApiServices, "metadata" | "fleet">;

/** One room, or `null` if it was never opened. @throws StorageError, PeerError */
export async function findRoom(name: string, services: RoomListServices): Promise<RoomJson | null> {
  const [record, held] = await Promise.all([
    services.metadata.room(name),
    services.fleet.held([name]),
  ]);
  const live = held.get(name);
  if (record === null && live === undefined) return null;
  return roomJson(name, record ?? undefined, live);
}

/** One page of the rooms. @throws InvalidCursorError, ApiProblem, StorageError, PeerError */
export async function listRooms(
  query: RoomListQuery,
  services: RoomListServices,
): Promise<RoomList> {
  const { sort, order, limit, search, cursor } = query;
  if (query.active === "true") return listActiveRooms(query, services);
  if (sort === "connections") {
    throw new ApiProblem(400, 'sort is "connections": this needs active=true');
  }
  const descending = order === "desc";
  const page = await services.metadata.rooms({ search, sort, descending, limit, after: cursor });
  const held = await services.fleet.held(page.rooms.map(({ name }) => name));
  const rooms = page.rooms.map((record) => roomJson(record.name, record, held.get(record.name)));
  return { rooms, next: page.next, total: page.total };
}
