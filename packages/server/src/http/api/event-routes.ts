import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiHono } from "../../runtime/http/api-hono.ts";
import type { ApiServices } from "./api-services.ts";
import { DocumentWatch } from "./document-watch.ts";
import { EVENT_STREAM_HEADERS, EventStreams } from "./event-stream.ts";
import { LiveRoomsFeed } from "./live-rooms-feed.ts";
import { ApiProblem, noSuchRoom, problems } from "./problems.ts";
import { findRoom } from "./room-list.ts";
import { roomOf, roomParams, roomQuery } from "./room-parameter.ts";
import { presenceEventSchema, roomsEventSchema, updateEventSchema } from "./schemas.ts";

/** Watching a larger document is rarely intended and must be requested explicitly. */
const LARGE_DOCUMENT_BYTES = 32 * 1024 * 1024;

const EVENT_STREAM = "text/event-stream";

const events = createRoute({
  method: "get",
  path: "/api/events",
  tags: ["Events"],
  operationId: "watchRooms",
  summary: "Connections by room, as they change",
  description:
    "Server-sent events named `rooms`, covering all servers, and `heartbeat` every 15 seconds. The first " +
    "`rooms` event holds all rooms with connections, later ones only changes. A client that loses its " +
    "connection reconnects and receives all rooms again.",
  responses: {
    200: {
      description: "The data of each event is JSON.",
      content: { [EVENT_STREAM]: { schema: roomsEventSchema } },
    },
    ...problems(),
  },
});

const watch = createRoute({
  method: "get",
  path: "/api/rooms/{room}/watch",
  tags: ["Events"],
  operationId: "watchDocument",
  summary: "A document and its presence, as they change",
  description:
    "Server-sent events named `update` and `presence`, and `heartbeat` every 15 seconds. The first " +
    "`update` is the whole document. Slow clients receive later updates merged. A watch counts neither as " +
    "a connection nor as presence.",
  request: {
    params: roomParams,
    query: roomQuery.extend({
      large: z
        .enum(["true", "false"])
        .default("false")
        .openapi({ description: `Whether to send a document larger than 32 MB.` }),
    }),
  },
  responses: {
    200: {
      description: "The data of each event is JSON.",
      content: { [EVENT_STREAM]: { schema: z.union([updateEventSchema, presenceEventSchema]) } },
    },
    ...problems(400, 404, 409, 413),
  },
});

/** Server-sent events. */
export function eventRoutes(services: ApiServices): ApiHono {
  const { fleet, rooms } = services;
  const streams = new EventStreams(services.draining);
  const app: ApiHono = new OpenAPIHono();
  app.openapi(events, (c) => {
    const feed = new LiveRoomsFeed();
    const stream = streams.open(c, feed);
    feed.start(stream, fleet);
    return c.body(stream.body, 200, EVENT_STREAM_HEADERS);
  });
  app.openapi(watch, async (c) => {
    const room = roomOf(c);
    // Opening a room that does not exist would create it.
    if (!(await roomExists(room, services))) throw noSuchRoom(room);
    const session = await rooms.open(room);
    const { bytes } = session.room.log;
    try {
      if (bytes > LARGE_DOCUMENT_BYTES && c.req.valid("query").large !== "true") {
        throw new ApiProblem(413, `the document has ${bytes} bytes; add large=true to watch it`);
      }
      const { body } = DocumentWatch.start(session, services, (owner) => streams.open(c, owner));
      return c.body(body, 200, EVENT_STREAM_HEADERS);
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  });
  return app;
}

async function roomExists(room: string, services: ApiServices): Promise<boolean> {
  if ((await findRoom(room, services)) !== null) return true;
  return (await services.readStored(room)) !== null;
}
