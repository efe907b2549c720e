import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiHono } from "../../runtime/http/api-hono.ts";
import { streamParts } from "../../runtime/http/stream-parts.ts";
import type { ApiServices } from "./api-services.ts";
import { fileNameOf, JSON_TYPE, UPDATE_TYPE, wantedType } from "./document-download.ts";
import { presenceJson } from "./presence-json.ts";
import { problems } from "./problems.ts";
import { mergeUpdates, readDocument, toJson } from "./read-document.ts";
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
    "The type is chosen by the header `Accept`: one encoded Yjs update, which is also given when any " +
    "type is accepted, or JSON. It holds what is in memory, on whichever server, else what is stored. " +
    "Reading it does not open the room. As JSON, a document that would become many times larger than it " +
    "is, or takes too long, is refused with 413 or 422; the update can be had all the same.",
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
    "The room need not exist. It may be sent again when it is not known whether it was applied.",
  request: {
    params: roomParams,
    query: roomQuery,
    body: {
      required: true,
      description:
        "One encoded Yjs update in format V1: what `Y.encodeStateAsUpdate` gives. Nothing may follow it.",
      content: { [UPDATE_TYPE]: { schema: update } },
    },
  },
  responses: { 204: { description: "It is durable." }, ...problems(400, 409, 413, 415) },
});

const presence = createRoute({
  method: "get",
  path: "/api/rooms/{room}/presence",
  tags: ["Documents"],
  operationId: "getPresence",
  summary: "Who is in a room",
  request: { params: roomParams, query: roomQuery },
  responses: {
    200: {
      description: "All who are present, on whichever server.",
      content: { [JSON_TYPE]: { schema: presenceSchema } },
    },
    ...problems(400, 404),
  },
});

/** Reading and changing documents, and who is present in them. */
export function documentRoutes(services: ApiServices): ApiHono {
  const { rooms, maxMessageBytes } = services;
  const app: ApiHono = new OpenAPIHono();
  app.openapi(get, async (c) => {
    const room = roomOf(c);
    const type = wantedType(c);
    const { updates } = await readDocument(room, services);
    if (type === JSON_TYPE) return streamParts([await toJson(room, updates, services)], JSON_TYPE);
    const answer = streamParts([await mergeUpdates(room, updates, rooms)], UPDATE_TYPE);
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
