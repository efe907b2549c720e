import { z } from "@hono/zod-openapi";

/**
 * The requests and responses of the REST API. Times are ISO 8601 in UTC, sizes are in bytes, and durations
 * in milliseconds unless stated otherwise.
 */

const time = z.iso.datetime().openapi({ example: "2026-03-01T12:00:00.000Z" });
const count = z.number().int().nonnegative();

export const roomSchema = z
  .object({
    name: z.string().openapi({ example: "notes/today" }),
    createdAt: time,
    updatedAt: time
      .nullable()
      .describe("When the last stored update was received; `null` before the first snapshot."),
    bytes: count.describe("Encoded size of the stored snapshot; 0 before the first."),
    active: z.boolean().describe("Whether the room currently has connections."),
    connections: count.describe("Current connections, on all servers."),
    servers: z
      .array(z.string())
      .openapi({ example: ["10.0.1.17:1234"] })
      .describe("The servers that currently have the room in memory."),
    quarantine: z
      .object({
        reason: z.string().openapi({ example: "merging took more than 3357 ms of CPU time" }),
        since: time,
        retryAt: time.describe("The earliest time of the next attempt."),
      })
      .optional()
      .describe(
        "Present only while compacting or showing the document takes more time or memory than a room may " +
          "use. The room is served as usual; its changes stay in the journal or are stored uncompacted.",
      ),
  })
  .openapi("Room");

export const roomListSchema = z
  .object({
    rooms: z.array(roomSchema),
    next: z
      .string()
      .nullable()
      .describe("Pass it as `cursor` to get the next page; `null` on the last page."),
    total: count.describe("Number of matching rooms on all pages."),
  })
  .openapi("RoomList");

export const roomListQuerySchema = z.object({
  search: z
    .string()
    .max(200)
    .optional()
    .describe("Only rooms whose name contains this text, ignoring case."),
  sort: z
    .enum(["name", "created", "updated", "bytes", "connections"])
    .default("updated")
    .describe("`connections` requires `active=true`."),
  order: z.enum(["asc", "desc"]).default("desc"),
  active: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true` lists only rooms that currently have connections."),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .max(2_000)
    .optional()
    .describe("The `next` value of the previous page, from a list with the same sort order."),
});

/** Any JSON value. The types are listed because the generator cannot handle a recursive schema. */
export const jsonValueSchema = z
  .json()
  .openapi({ type: ["null", "boolean", "number", "string", "array", "object"] });

/** A root type of a document. The type is inferred from its content, or `empty`. */
export const rootSchema = z
  .object({
    type: z.enum(["text", "array", "map", "xml", "empty"]),
    value: jsonValueSchema.describe(
      "A string for `text` and `xml` (as XML), an array, or an object; `null` if empty.",
    ),
    delta: z
      .array(z.record(z.string(), jsonValueSchema))
      .optional()
      .describe("A Quill delta, only for `text` that has formatting or embedded objects."),
  })
  .openapi("Root");

export const documentSchema = z
  .object({
    roots: z
      .record(z.string(), rootSchema)
      .describe("Root types by name, as chosen by the application."),
  })
  .openapi("Document");

export const presenceSchema = z
  .object({
    clients: z.array(
      z.object({
        client: count,
        clock: count,
        state: jsonValueSchema.describe("The client's awareness state."),
      }),
    ),
  })
  .openapi("Presence");

export const connectionsQuerySchema = z.object({
  from: time.optional().describe("Default: 24 hours before `to`."),
  to: time.optional().describe("Default: now."),
  bucket: z.coerce
    .number()
    .int()
    .multipleOf(60)
    .min(60)
    .max(31_536_000)
    .optional()
    .describe("Seconds, a multiple of 60. The default yields at most 300 points."),
});

export const connectionsSchema = z
  .object({
    from: time,
    to: time,
    bucket: count.describe("Seconds between the points."),
    points: z.array(
      z.object({
        at: time.describe("Start of the bucket."),
        connections: count.describe("Peak number of open connections, summed over the servers."),
        rooms: count.describe("Peak number of rooms with connections, summed over the servers."),
        connects: count.describe("Number of connections opened."),
      }),
    ),
  })
  .openapi("Connections");

export const serverSchema = z
  .object({
    address: z.string(),
    version: z.string(),
    startedAt: time,
    documents: count.describe("Documents in memory."),
    documentBytes: count.describe("Encoded size of these documents."),
    connections: count,
    memory: z.object({ resident: count, heapUsed: count }),
    loopDelay: z
      .object({ p50: z.number(), p99: z.number(), max: z.number() })
      .describe("Event loop delay over the last few seconds, in milliseconds."),
    lease: z
      .enum(["none", "held", "lapsed"])
      .describe(
        "`none` without a cluster; otherwise whether the server's lease is valid or has expired.",
      ),
    draining: z.boolean(),
    failing: z.record(z.string(), z.string()).describe("The failing parts, each with the reason."),
  })
  .openapi("Server");

export const serversSchema = z
  .object({
    servers: z.array(serverSchema),
    unreachable: z
      .array(z.object({ address: z.string(), reason: z.string() }))
      .describe("Servers with a lease that did not respond."),
  })
  .openapi("Servers");

/** `GET /api/events`, event `rooms`: first all rooms with connections, then those that changed. */
export const roomsEventSchema = z
  .object({
    complete: z.boolean().describe("If true, `rooms` holds all rooms and replaces earlier events."),
    rooms: z.array(
      z.object({
        name: z.string(),
        connections: count.describe("0 once the last connection has closed."),
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
    clients: z.array(count).describe("Yjs client IDs that wrote content in the update."),
    update: z.string().describe("The encoded Yjs update, in base64."),
  })
  .openapi("UpdateEvent");

/** `GET /api/rooms/:room/watch`, event `presence`: all present clients, sent whenever they change. */
export const presenceEventSchema = presenceSchema;

/** `POST /api/session`. */
export const loginSchema = z.object({
  token: z.string().max(1_000).describe("The server's ADMIN_TOKEN."),
});

export const sessionSchema = z
  .object({
    authenticated: z.boolean().describe("Whether this browser may use the API."),
    required: z
      .boolean()
      .describe("False if ADMIN_TOKEN is not set, so that no session is needed."),
  })
  .openapi("Session");

/** RFC 9457. */
export const problemSchema = z
  .object({ type: z.string(), status: count, detail: z.string() })
  .openapi("Problem");

export type RoomListQuery = z.infer<typeof roomListQuerySchema>;
export type ConnectionsQuery = z.infer<typeof connectionsQuerySchema>;
export type RoomJson = z.infer<typeof roomSchema>;
export type RoomList = z.infer<typeof roomListSchema>;
export type Root = z.infer<typeof rootSchema>;
export type DocumentJson = z.infer<typeof documentSchema>;
export type PresenceJson = z.infer<typeof presenceSchema>;
export type ConnectionsOverTime = z.infer<typeof connectionsSchema>;
export type ServerStatus = z.infer<typeof serverSchema>;
export type Servers = z.infer<typeof serversSchema>;
export type RoomsEvent = z.infer<typeof roomsEventSchema>;
export type UpdateEvent = z.infer<typeof updateEventSchema>;
export type SessionJson = z.infer<typeof sessionSchema>;
