import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { checkRoomName, decodeRoomName } from "../../protocol/room-name.ts";
import { ApiProblem } from "./problems.ts";

/** Stands in the path for a room that the query names. */
const IN_QUERY = "-";

/** The path of every route that is about one room. */
export const roomParams = z.object({
  room: z.string().openapi({
    description:
      "The room, URL-encoded: a slash is `%2F`. It is `-` when the query parameter `room` names the room.",
    example: "notes/today",
  }),
});

/** The query of every route that is about one room. */
export const roomQuery = z.object({
  room: z
    .string()
    .optional()
    .openapi({
      description:
        "The room, when the path says `-`. No URL can have `.` or `..` as a part of its path, and " +
        "some proxies decode `%2F`: names like these can only be given here.",
    }),
});

/**
 * The room that a request is about. The path is read as it was sent: what a router decodes leniently
 * could name another room.
 *
 * @throws ApiProblem, RoomNameError
 */
export function roomOf(c: Context): string {
  const url = new URL(c.req.url);
  const segment = url.pathname.split("/")[3] ?? "";
  const named = url.searchParams.get("room");
  if (named !== null && segment !== IN_QUERY) {
    throw new ApiProblem(
      400,
      `the path names the room ${segment} and the query ${JSON.stringify(named)}; ` +
        `with ?room=… the path must be /api/rooms/${IN_QUERY}`,
    );
  }
  return checkRoomName(named ?? decodeRoomName(segment));
}
