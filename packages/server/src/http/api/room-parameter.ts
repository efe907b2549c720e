import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { checkRoomName, decodeRoomName } from "../../protocol/room-name.ts";
import { ApiProblem } from "./problems.ts";

/** Placeholder in the path when the query names the room. */
const IN_QUERY = "-";

/** Path parameters of every route for one room. */
export const roomParams = z.object({
  room: z.string().openapi({
    description:
      "The room, URL-encoded: a slash is `%2F`. Use `-` if the query parameter `room` names the room.",
    example: "notes/today",
  }),
});

/** Query parameters of every route for one room. */
export const roomQuery = z.object({
  room: z
    .string()
    .optional()
    .openapi({
      description:
        "The room, if the path contains `-`. URLs cannot have `.` or `..` as a path segment, and some " +
        "proxies decode `%2F`, so rooms with such names can only be named here.",
    }),
});

/**
 * The room that a request names. The path is read exactly as sent: a router's lenient decoding could yield
 * a different room.
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
