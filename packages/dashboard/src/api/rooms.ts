import type { DocumentJson, RoomJson, RoomList } from "../../../server/src/http/api/schemas.ts";
import { apiUrl, roomUrl } from "./api-url.ts";
import { request, requestJson } from "./request.ts";
import type { RoomsQuery } from "./rooms-query.ts";

export const PAGE_SIZE = 50;

/** A page of all rooms. @throws ApiError */
export function listRooms(query: RoomsQuery, signal: AbortSignal): Promise<RoomList> {
  const { search, sort, order, cursor } = query;
  const url = apiUrl("rooms", {
    search: search || undefined,
    sort,
    order,
    cursor: cursor || undefined,
    limit: PAGE_SIZE,
  });
  return requestJson(url, { signal });
}

/** The total number of rooms. @throws ApiError */
export async function countRooms(signal: AbortSignal): Promise<number> {
  const { total } = await requestJson<RoomList>(apiUrl("rooms", { limit: 1 }), { signal });
  return total;
}

/** @throws ApiError, with status 404 if the room does not exist */
export function findRoom(room: string, signal: AbortSignal): Promise<RoomJson> {
  return requestJson(roomUrl(room), { signal });
}

/** The document as JSON. Reading it does not open the room. @throws ApiError */
export function readDocument(room: string, signal: AbortSignal): Promise<DocumentJson> {
  return requestJson(roomUrl(room, "/document"), { signal });
}

/** The URL from which a browser downloads the document as one encoded update. */
export function downloadUrl(room: string): string {
  return roomUrl(room, "/document");
}

/** Deletes the room on all servers and disconnects its clients. @throws ApiError */
export async function deleteRoom(room: string): Promise<void> {
  await request(roomUrl(room), { method: "DELETE" });
}
