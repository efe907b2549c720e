import { OpenAPIHono } from "@hono/zod-openapi";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { LiveRoomsChange } from "../../src/fleet/live-watch.ts";
import { EVENT_STREAM_HEADERS, EventStreams } from "../../src/http/api/event-stream.ts";
import { LiveRoomsFeed } from "../../src/http/api/live-rooms-feed.ts";
import {
  presenceEventSchema,
  roomsEventSchema,
  updateEventSchema,
} from "../../src/http/api/schemas.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import type { Room } from "../../src/room/room.ts";
import type { Session } from "../../src/room/session.ts";
import type { Subscriber } from "../../src/room/subscriber.ts";
import type { ApiHono } from "../../src/runtime/http/api-hono.ts";
import { encodeAwareness } from "../support/awareness-bytes.ts";
import { waitFor } from "../support/wait-for.ts";
import { ADDRESS, TestApi, textOf } from "./api-parts.ts";
import { EventReader } from "./event-reader.ts";
import { detailOf, serve } from "./http-parts.ts";

function openEvents(api: TestApi, path: string): Promise<EventReader> {
  return EventReader.open(`${api.url}/api${path}`);
}

/** A client that has a document open. */
async function connect(
  api: TestApi,
  room: string,
): Promise<{ session: Session; document: Room; reader: Subscriber }> {
  const session = await api.documents.open(room);
  const { room: document } = session;
  const sink = { writable: true, write: () => {}, probe: () => {}, close: () => {} };
  return { session, document, reader: session.attach(sink) };
}

function tellPresence(document: Room, reader: Subscriber, client: number, clock: number): void {
  const state = new TextEncoder().encode(JSON.stringify({ clock }));
  document.receiveAwareness(encodeAwareness([{ client, clock, state }]), reader, Date.now());
}

/** The rooms stream in isolation; the test sends changes as fast as it likes. */
async function serveFeed(): Promise<{ url: string; tell: (change: LiveRoomsChange) => void }> {
  const listeners = new Set<(change: LiveRoomsChange) => void>();
  const app: ApiHono = new OpenAPIHono();
  const streams = new EventStreams(new AbortController().signal);
  app.get("/feed", (c) => {
    const feed = new LiveRoomsFeed();
    const stream = streams.open(c, feed);
    feed.start(stream, {
      watchLiveRooms: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    });
    return c.body(stream.body, 200, EVENT_STREAM_HEADERS);
  });
  const { port } = await serve(app);
  const tell = (change: LiveRoomsChange) => {
    for (const listener of listeners) listener(change);
  };
  return { url: `http://127.0.0.1:${port}/feed`, tell };
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

describe("the stream of rooms with connections", () => {
  it("starts with the complete list and continues with changes", async () => {
    const api = await TestApi.start();
    api.connect("a", "a");
    const reader = await openEvents(api, "/events");
    expect(reader.headers).toMatchObject({
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    expect(await reader.next("rooms", roomsEventSchema)).toEqual({
      complete: true,
      rooms: [{ name: "a", connections: 2, servers: [ADDRESS] }],
      totals: { connections: 2, rooms: 1 },
    });
    const session = await api.documents.open("b\n/\u2028😀");
    api.connect("b\n/\u2028😀");
    expect(await reader.next("rooms", roomsEventSchema)).toEqual({
      complete: false,
      rooms: [{ name: "b\n/\u2028😀", connections: 1, servers: [ADDRESS] }],
      totals: { connections: 3, rooms: 2 },
    });
    session[Symbol.dispose]();
    api.disconnect("a", "a");
    expect(await reader.next("rooms", roomsEventSchema)).toEqual({
      complete: false,
      rooms: [{ name: "a", connections: 0, servers: [] }],
      totals: { connections: 1, rooms: 1 },
    });
  });

  it("sends the complete list even if it is empty, and again after a reconnect", async () => {
    const api = await TestApi.start();
    const before = await openEvents(api, "/events");
    expect(await before.next("rooms", roomsEventSchema)).toMatchObject({
      complete: true,
      rooms: [],
    });
    before.close();
    api.connect("missed");
    const after = await openEvents(api, "/events");
    expect(await after.next("rooms", roomsEventSchema)).toMatchObject({
      complete: true,
      rooms: [{ name: "missed", connections: 1 }],
    });
  });

  it("merges changes for slow clients instead of queueing them", async () => {
    const { url, tell } = await serveFeed();
    const names = Array.from({ length: 500 }, (_, i) => `room ${i} ${"x".repeat(400)}`);
    const change = (connections: number, complete: boolean): LiveRoomsChange => ({
      complete,
      rooms: new Map(names.map((name) => [name, { connections, servers: [ADDRESS] }])),
      totals: { connections: connections * names.length, rooms: names.length },
    });
    const reader = await EventReader.open(url);
    tell(change(1, true));
    await reader.next("rooms", roomsEventSchema);
    reader.pause();
    const rounds = 200;
    for (let round = 2; round <= rounds; round++) {
      tell(change(round, false));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const before = reader.bytes;
    reader.resume();
    const isNewest = ({ data }: { data: unknown }) =>
      roomsEventSchema.parse(data).totals.connections === rounds * names.length;
    const newest = await waitFor(() => reader.events.find(isNewest), {
      message: "the newest state has arrived",
    });
    expect(roomsEventSchema.parse(newest.data).rooms).toHaveLength(names.length);
    // All changes together would be about 50 MB; the sockets buffer less.
    expect(reader.bytes - before).toBeLessThan(20_000_000);
    const connections = reader.events.map(({ data }) => roomsEventSchema.parse(data).totals);
    expect(connections).toEqual([...connections].sort((a, b) => a.connections - b.connections));
  });
});

describe("watching a document", () => {
  it("starts with the whole document and continues with updates", async () => {
    const api = await TestApi.start();
    await api.write("a/b", "first");
    const reader = await openEvents(api, "/rooms/a%2Fb/watch");
    const whole = await reader.next("update", updateEventSchema);
    expect(textOf(bytesOf(whole.update))).toBe("first");
    expect(whole.bytes).toBe(bytesOf(whole.update).length);
    expect(whole.clients).toHaveLength(1);
    expect(await reader.next("presence", presenceEventSchema)).toEqual({ clients: [] });
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "second");
    const update = Y.encodeStateAsUpdate(doc);
    expect((await api.post("a/b", update)).status).toBe(204);
    const change = await reader.next("update", updateEventSchema);
    expect(bytesOf(change.update)).toEqual(update);
    expect(change.clients).toEqual([doc.clientID]);
    expect(Math.abs(Date.parse(change.at) - Date.now())).toBeLessThan(60_000);
  });

  it("shows the awareness of clients and adds none of its own", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const { session, document, reader: member } = await connect(api, "a");
    tellPresence(document, member, 7, 1);
    const reader = await openEvents(api, "/rooms/a/watch");
    const first = await reader.nextOf("presence", presenceEventSchema);
    expect(first).toEqual({ clients: [{ client: 7, clock: 1, state: { clock: 1 } }] });
    for (let clock = 2; clock <= 100; clock++) tellPresence(document, member, 7, clock);
    const second = await reader.next("presence", presenceEventSchema);
    expect(second).toEqual({ clients: [{ client: 7, clock: 100, state: { clock: 100 } }] });
    expect(document.awareness.size).toBe(1);
    session[Symbol.dispose]();
    expect(await reader.next("presence", presenceEventSchema)).toEqual({ clients: [] });
  });

  it("releases the document when it ends", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const reader = await openEvents(api, "/rooms/a/watch");
    await reader.next("update", updateEventSchema);
    expect(api.documents.holds("a")).toBe(true);
    reader.close();
    await waitFor(() => !api.documents.holds("a"), { message: "the document has been unloaded" });
  });

  it("refuses a large document unless asked for it, and then sends all of it", async () => {
    const api = await TestApi.start({ maxMessageBytes: 100e6, maxDocumentBytes: 100e6 });
    const text = "0123456789".repeat(3_400_000);
    await api.write("a", text);
    const held = await api.documents.open("a");
    const refused = await api.request("/rooms/a/watch");
    expect(refused.status).toBe(413);
    expect(detailOf(refused)).toContain("large=true");
    const reader = await openEvents(api, "/rooms/a/watch?large=true");
    const whole = await waitFor(() => reader.events[0], {
      timeout: 90_000,
      message: "the first event has arrived",
    });
    const { update, bytes } = updateEventSchema.parse(whole.data);
    expect(bytes).toBeGreaterThan(text.length);
    expect(textOf(bytesOf(update)) === text).toBe(true);
    held[Symbol.dispose]();
  }, 120_000);

  it("merges updates for a slow client without losing any", async () => {
    const api = await TestApi.start();
    await api.write("a", "");
    await api.write("a", "first");
    const { session, document } = await connect(api, "a");
    const reader = await openEvents(api, "/rooms/a/watch");
    await reader.nextOf("presence", presenceEventSchema);
    reader.pause();
    const doc = new Y.Doc();
    let updates = 0;
    doc.on("update", (update: Uint8Array) => {
      updates++;
      document.submit(update, UNKNOWN);
    });
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j < 100; j++) doc.getText("text").insert(0, `${i} ${j} ${"x".repeat(100)},`);
      await api.documents.journal.flush();
    }
    reader.resume();
    const seen = new Y.Doc();
    let next = 0;
    const isComplete = () => {
      for (; next < reader.events.length; next++) {
        const event = reader.events[next];
        if (event?.name !== "update") continue;
        Y.applyUpdate(seen, bytesOf(updateEventSchema.parse(event.data).update));
      }
      return seen.getText("text").length === doc.getText("text").length + "first".length;
    };
    await waitFor(isComplete, { message: "all updates have arrived" });
    expect(reader.events.length).toBeLessThan(updates / 2);
    session[Symbol.dispose]();
  });

  it("does not create a missing room", async () => {
    const api = await TestApi.start();
    const answer = await api.request("/rooms/nothing/watch");
    expect(answer.status).toBe(404);
    detailOf(answer);
    expect(api.documents.holds("nothing")).toBe(false);
  });

  it("ends when the room is deleted", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const reader = await openEvents(api, "/rooms/a/watch");
    await reader.next("update", updateEventSchema);
    expect((await api.request("/rooms/a", { method: "DELETE" })).status).toBe(204);
    await waitFor(() => reader.hasEnded, { message: "the stream has ended" });
  });
});

describe("event streams", () => {
  it("end when the server drains, and no new ones are opened", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    const subscribers = [await openEvents(api, "/events"), await openEvents(api, "/rooms/a/watch")];
    await subscribers[1]?.next("update", updateEventSchema);
    api.draining.abort();
    await waitFor(() => subscribers.every((reader) => reader.hasEnded), {
      message: "all streams have ended",
    });
    for (const path of ["/events", "/rooms/a/watch"]) {
      const answer = await api.request(path);
      expect(answer.status).toBe(503);
      expect(detailOf(answer)).toContain("shutting down");
    }
    await waitFor(() => !api.documents.holds("a"), { message: "the document has been unloaded" });
  });

  it("are limited to 200", async () => {
    const api = await TestApi.start();
    const subscribers: EventReader[] = [];
    for (let i = 0; i < 200; i++) subscribers.push(await openEvents(api, "/events"));
    const answer = await api.request("/events");
    expect(answer.status).toBe(503);
    expect(detailOf(answer)).toContain("200");
    subscribers[0]?.close();
    // The server notices the disconnect a moment later.
    const isOpened = () => openEvents(api, "/events").catch(() => false);
    await waitFor(isOpened, { message: "another stream can be opened" });
  });

  it("cannot be opened with HEAD", async () => {
    const api = await TestApi.start();
    expect((await api.request("/events", { method: "HEAD" })).status).toBe(405);
  });
});
