import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiHono } from "../../runtime/http/api-hono.ts";
import { streamParts } from "../../runtime/http/stream-parts.ts";
import type { ApiServices } from "./api-services.ts";
import { fileNameOf, JSON_TYPE, UPDATE_TYPE, wantedType } from "./document-download.ts";
import { presenceJson } from "./presence-json.ts";
import { problems } from "./problems.ts";
import { mergeRoomUpdates, readDocument, roomToJson } from "./read-document.ts";
import { roomOf, roomParams, roomQuery } from "./room-parameter.ts";
import { documentSchema, presenceSchema } from "./schemas.ts";
import { limitUpdate, takeUpdate } from "./take-update.ts";

const update = z.string().openapi({ format: "binary" });

const get = createRoute({
  method: "get",
  path: "/api/rooms/{room}/document",
  tags: ["Documents"],
  operationId: "getDocument",
  summary: "The document of a room",
  description:
    "The `Accept` header selects the type: one encoded Yjs update, which is also the default if any " +
    "type is accepted, or JSON. The document is read from the server that has it in memory, or else from " +
    "the stores. Reading it does not open the room. JSON is refused with 413 or 422 if it would be many " +
    "times larger than the document or take too long to make; the update is available even then.",
  request: { params: roomParams, query: roomQuery },
  responses: {
    200: {
      description: "The document.",
      content: { [UPDATE_TYPE]: { schema: update }, [JSON_TYPE]: { schema: documentSchema } },
    },
    ...problems(400, 404, 406, 413, 422),
  },
});

const post = createRoute({
  method: "post",
  path: "/api/rooms/{room}/updates",
  tags: ["Documents"],
  operationId: "applyUpdate",
  summary: "Apply an update to a document",
  description:
    "The room need not exist. If it is unclear whether an update was applied, it is safe to send it again.",
  request: {
    params: roomParams,
    query: roomQuery,
    body: {
      required: true,
      description:
        "One encoded Yjs update in format V1, as returned by `Y.encodeStateAsUpdate`, and nothing after it.",
      content: { [UPDATE_TYPE]: { schema: update } },
    },
  },
  responses: { 204: { description: "The update is durable." }, ...problems(400, 409, 413, 415) },
});

const presence = createRoute({
  method: "get",
  path: "/api/rooms/{room}/presence",
  tags: ["Documents"],
  operationId: "getPresence",
  summary: "The presence of a room",
  request: { params: roomParams, query: roomQuery },
  responses: {
    200: {
      description: "All clients present in the room, on any server.",
      content: { [JSON_TYPE]: { schema: presenceSchema } },
    },
    ...problems(400, 404),
  },
});

/** Routes that read and change documents and read their presence. */
export function documentRoutes(services: ApiServices): ApiHono {
  const { rooms, maxMessageBytes } = services;
  const app: ApiHono = new OpenAPIHono();
  app.openapi(get, async (c) => {
    const room = roomOf(c);
    const type = wantedType(c);
    const { updates } = await readDocument(room, services);
    if (type === JSON_TYPE)
      return streamParts([await roomToJson(room, updates, services)], JSON_TYPE);
    const answer = streamParts([await mergeRoomUpdates(room, updates, rooms)], UPDATE_TYPE);
    answer.headers.set("content-disposition", `attachment; filename="${fileNameOf(room)}"`);
    return answer;
  });
  app.post(post.getRoutingPath(), limitUpdate(maxMessageBytes));
  app.openapi(post, async (c) => {
    await takeUpdate(roomOf(c), c.req, services);
    return c.body(null, 204);
  });
  app.openapi(presence, async (c) => {
    const { awareness } = await readDocument(roomOf(c), services);
    return c.json({ clients: presenceJson(awareness) }, 200);
  });
  return app;
}
