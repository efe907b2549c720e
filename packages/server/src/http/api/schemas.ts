import { z } from "@hono/zod-openapi";

/**
 * What the REST API says and takes. Times are ISO 8601 in UTC, sizes are bytes, durations are
 * milliseconds unless the name says otherwise.
 */

const time = z.iso.datetime().openapi({ example: "2026-03-01T12:00:00.000Z" });
const count = z.number().int().nonnegative();

export const roomSchema = z
  .object({
    name: z.string().openapi({ example: "notes/today" }),
    createdAt: time,
    updatedAt: time
      .nullable()
      .describe("When the last update that is stored came; `null` before the first snapshot."),
    bytes: count.describe("Encoded size of the stored snapshot; 0 before the first."),
    active: z.boolean().describe("Whether somebody is connected to it now."),
    connections: count.describe("Connections now, on all servers."),
    servers: z
      .array(z.string())
      .openapi({ example: ["10.0.1.17:1234"] })
      .describe("The servers that hold it in memory now."),
    quarantine: z
      .object({
        reason: z.string().openapi({ example: "merging took more than 3357 ms of CPU time" }),
        since: time,
        retryAt: time.describe("When it is tried again at the earliest."),
      })
      .optional()
      .describe(
        "Only while the document takes more time or memory to compact or to show than a room may use. " +
          "It is served as before; its changes stay in the journal, or are stored uncompacted.",
      ),
  })
  .openapi("Room");

export const roomListSchema = z
  .object({
    rooms: z.array(roomSchema),
    next: z
      .string()
      .nullable()
      .describe("Pass it as `cursor` for the next page; `null` on the last."),
    total: count.describe("How many rooms match, on all pages."),
  })
  .openapi("RoomList");

export const roomListQuerySchema = z.object({
  search: z
    .string()
    .max(200)
    .optional()
    .describe("Rooms whose name contains this, whatever the case."),
  sort: z
    .enum(["name", "created", "updated", "bytes", "connections"])
    .default("updated")
    .describe("`connections` only together with `active=true`."),
  order: z.enum(["asc", "desc"]).default("desc"),
  active: z
    .enum(["true", "false"])
    .default("false")
    .describe("Only rooms to which somebody is connected now."),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .max(2_000)
    .optional()
    .describe("The `next` of the page before this one, of a list that is sorted alike."),
});

/** Any JSON. Its types are listed, as a description by recursion has no end for the generator. */
export const jsonValueSchema = z
  .json()
  .openapi({ type: ["null", "boolean", "number", "string", "array", "object"] });

/** A root type of a document. The type is inferred from its content, or `empty`. */
export const rootSchema = z
  .object({
    type: z.enum(["text", "array", "map", "xml", "empty"]),
    value: jsonValueSchema.describe(
      "A string for `text` and `xml` (as XML), an array, or an object; `null` when empty.",
    ),
    delta: z
      .array(z.record(z.string(), jsonValueSchema))
      .optional()
      .describe("With formatting and embedded objects, for `text` that has any, as a Quill delta."),
  })
  .openapi("Root");

export const documentSchema = z
  .object({
    roots: z
      .record(z.string(), rootSchema)
      .describe("By name; the names of the roots are what the application chose."),
  })
  .openapi("Document");

export const presenceSchema = z
  .object({
    clients: z.array(
      z.object({
        client: count,
        clock: count,
        state: jsonValueSchema.describe("What the client tells of itself."),
      }),
    ),
  })
  .openapi("Presence");

export const connectionsQuerySchema = z.object({
  from: time.optional().describe("By default 24 hours before `to`."),
  to: time.optional().describe("By default now."),
  bucket: z.coerce
    .number()
    .int()
    .multipleOf(60)
    .min(60)
    .max(31_536_000)
    .optional()
    .describe("Seconds, a multiple of 60; by default such that there are at most 300 points."),
});

export const connectionsSchema = z
  .object({
    from: time,
    to: time,
    bucket: count.describe("Seconds between the points."),
    points: z.array(
      z.object({
        at: time.describe("The beginning of the time that the point is about."),
        connections: count.describe(
          "The most connections that were open at one time, added up over the servers.",
        ),
        rooms: count.describe(
          "The most rooms in which somebody was connected at one time, likewise.",
        ),
        connects: count.describe("How many connections were opened."),
      }),
    ),
  })
  .openapi("Connections");

export const serverSchema = z
  .object({
    address: z.string(),
    version: z.string(),
    startedAt: time,
    documents: count.describe("How many are in memory."),
    documentBytes: count.describe("What these take in memory."),
    connections: count,
    memory: z.object({ resident: count, heapUsed: count }),
    loopDelay: z
      .object({ p50: z.number(), p99: z.number(), max: z.number() })
      .describe("Of the event loop, over the last seconds, in milliseconds."),
    lease: z
      .enum(["none", "held", "lapsed"])
      .describe("In a cluster: whether its lease is in force."),
    draining: z.boolean(),
    failing: z
      .record(z.string(), z.string())
      .describe("The parts that do not work, each with the reason."),
  })
  .openapi("Server");

export const serversSchema = z
  .object({
    servers: z.array(serverSchema),
    unreachable: z
      .array(z.object({ address: z.string(), reason: z.string() }))
      .describe("Servers with a lease that did not answer."),
  })
  .openapi("Servers");

/** `GET /api/events`, event `rooms`: first all rooms with connections, then those that changed. */
export const roomsEventSchema = z
  .object({
    complete: z.boolean().describe("True: these are all; forget what was known before."),
    rooms: z.array(
      z.object({
        name: z.string(),
        connections: count.describe("0 when the last connection has ended."),
        servers: z.array(z.string()),
      }),
    ),
    totals: z.object({ connections: count, rooms: count }).describe("Over all servers."),
  })
  .openapi("RoomsEvent");

/** `GET /api/rooms/:room/watch`, event `update`. The first one is the whole document. */
export const updateEventSchema = z
  .object({
    at: time,
    bytes: count.describe("Size of the update."),
    clients: z.array(count).describe("The clients that wrote what is in it."),
    update: z.string().describe("The encoded Yjs update, in base64."),
  })
  .openapi("UpdateEvent");

/** `GET /api/rooms/:room/watch`, event `presence`: all who are there, whenever that changes. */
export const presenceEventSchema = presenceSchema;

/** `POST /api/session`. */
export const loginSchema = z.object({
  token: z.string().max(1_000).describe("The ADMIN_TOKEN of the server."),
});

export const sessionSchema = z
  .object({
    authenticated: z.boolean().describe("Whether the API answers this browser."),
    required: z.boolean().describe("False when no ADMIN_TOKEN is set: then no session is needed."),
  })
  .openapi("Session");

/** RFC 9457. */
export const problemSchema = z
  .object({ type: z.string(), status: count, detail: z.string() })
  .openapi("Problem");

export type RoomListQuery = z.infer<typeof roomListQuerySchema>;
export type ConnectionsQuery = z.infer<typeof connectionsQuerySchema>;
export type Room = z.infer<typeof roomSchema>;
export type RoomList = z.infer<typeof roomListSchema>;
export type Root = z.infer<typeof rootSchema>;
export type DocumentJson = z.infer<typeof documentSchema>;
export type PresenceJson = z.infer<typeof presenceSchema>;
export type ConnectionsOverTime = z.infer<typeof connectionsSchema>;
export type ServerStatus = z.infer<typeof serverSchema>;
export type Servers = z.infer<typeof serversSchema>;
export type RoomsEvent = z.infer<typeof roomsEventSchema>;
export type UpdateEvent = z.infer<typeof updateEventSchema>;
export type Session = z.infer<typeof sessionSchema>;
