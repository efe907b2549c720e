import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { ApiHono } from "../../runtime/http/api-hono.ts";
import type { ApiServices } from "./api-services.ts";
import { noSuchRoom, problems } from "./problems.ts";
import { findRoom, listRooms } from "./room-list.ts";
import { roomOf, roomParams, roomQuery } from "./room-parameter.ts";
import { roomListQuerySchema, roomListSchema, roomSchema } from "./schemas.ts";

const list = createRoute({
  method: "get",
  path: "/api/rooms",
  tags: ["Rooms"],
  operationId: "listRooms",
  summary: "List the rooms",
  request: { query: roomListQuerySchema },
  responses: {
    200: {
      description: "One page of them.",
      content: { "application/json": { schema: roomListSchema } },
    },
    ...problems(400),
  },
});

const get = createRoute({
  method: "get",
  path: "/api/rooms/{room}",
  tags: ["Rooms"],
  operationId: "getRoom",
  summary: "One room",
  request: { params: roomParams, query: roomQuery },
  responses: {
    200: { description: "The room.", content: { "application/json": { schema: roomSchema } } },
    ...problems(400, 404),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/api/rooms/{room}",
  tags: ["Rooms"],
  operationId: "deleteRoom",
  summary: "Delete a room everywhere",
  description:
    "Deletes what is stored and what is in memory, on all servers, and closes the connections of the " +
    "room with code 4404. May be repeated. For `DELETED_ROOM_GRACE_MS` the room stays closed, also to " +
    "updates by the API: clients that had it open come back, and would bring it back. Who connects " +
    "after that finds an empty room.",
  request: { params: roomParams, query: roomQuery },
  responses: { 204: { description: "There is no such room any more." }, ...problems(400) },
});

const removeTombstone = createRoute({
  method: "delete",
  path: "/api/rooms/{room}/tombstone",
  tags: ["Rooms"],
  operationId: "removeTombstone",
  summary: "Open a deleted room again",
  description:
    "Ends the time in which a room that was deleted stays closed. Has no effect on other rooms.",
  request: { params: roomParams, query: roomQuery },
  responses: { 204: { description: "The room can be opened." }, ...problems(400) },
});

const recheck = createRoute({
  method: "post",
  path: "/api/rooms/{room}/recheck",
  tags: ["Rooms"],
  operationId: "recheckRoom",
  summary: "Check again who may be in a room",
  description: "Asks again, for each connection of the room, whether it is still allowed.",
  request: { params: roomParams, query: roomQuery },
  responses: { 204: { description: "Those that are not have been closed." }, ...problems(400) },
});

/** What rooms there are; deleting one. */
export function roomRoutes(services: ApiServices): ApiHono {
  const { fleet } = services;
  const app: ApiHono = new OpenAPIHono();
  app.openapi(list, async (c) => c.json(await listRooms(c.req.valid("query"), services), 200));
  app.openapi(get, async (c) => {
    const name = roomOf(c);
    const room = await findRoom(name, services);
    if (room === null) throw noSuchRoom(name);
    return c.json(room, 200);
  });
  app.openapi(remove, async (c) => {
    await fleet.deleteRoom(roomOf(c));
    return c.body(null, 204);
  });
  app.openapi(removeTombstone, async (c) => {
    await fleet.removeTombstone(roomOf(c));
    return c.body(null, 204);
  });
  app.openapi(recheck, async (c) => {
    await fleet.recheck(roomOf(c));
    return c.body(null, 204);
  });
  return app;
}
