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
  summary: "List rooms",
  request: { query: roomListQuerySchema },
  responses: {
    200: {
      description: "One page of rooms.",
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
    "Deletes the room from the stores and from the memory of all servers, and closes its connections with " +
    "code 4404. Idempotent. For `DELETED_ROOM_GRACE_MS` the room cannot be opened, and the API refuses " +
    "updates to it: clients that had it open reconnect and would otherwise restore it. Clients that " +
    "connect after that find an empty room.",
  request: { params: roomParams, query: roomQuery },
  responses: { 204: { description: "The room is deleted." }, ...problems(400) },
});

const removeTombstone = createRoute({
  method: "delete",
  path: "/api/rooms/{room}/tombstone",
  tags: ["Rooms"],
  operationId: "removeTombstone",
  summary: "Allow a deleted room to be opened again",
  description:
    "Ends the period in which a deleted room cannot be opened. Has no effect on other rooms.",
  request: { params: roomParams, query: roomQuery },
  responses: { 204: { description: "The room can be opened." }, ...problems(400) },
});

const recheck = createRoute({
  method: "post",
  path: "/api/rooms/{room}/recheck",
  tags: ["Rooms"],
  operationId: "recheckRoom",
  summary: "Check access to a room again",
  description: "Checks for each connection of the room whether it is still allowed.",
  request: { params: roomParams, query: roomQuery },
  responses: {
    204: { description: "Connections that are no longer allowed have been closed." },
    ...problems(400),
  },
});

/** Routes that list, read, delete and recheck rooms. */
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
