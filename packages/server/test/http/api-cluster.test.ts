import type { z } from "@hono/zod-openapi";
import { beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  documentSchema,
  presenceEventSchema,
  presenceSchema,
  roomListSchema,
  roomSchema,
  roomsEventSchema,
  serversSchema,
  updateEventSchema,
} from "../../src/http/api/schemas.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Member, TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { textOf, updateOf } from "./api-parts.ts";
import { EventReader } from "./event-reader.ts";
import { whenDone } from "./http-parts.ts";

const HEADERS = { authorization: "Bearer the token of the tests" };

let cluster: TestCluster;
beforeAll(async () => {
  const env = { ADMIN_TOKEN: "the token of the tests", UNLOAD_DELAY_MS: "200" };
  cluster = await TestCluster.start(3, { env });
}, 120_000);

/** The server with this number. */
function server(index: number): Member["process"] {
  return cluster.member(index).process;
}

function addressOf(index: number): string {
  return `127.0.0.1:${cluster.member(index).peers.port}`;
}

function call(index: number, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...HEADERS, ...init.headers };
  return fetch(`${server(index).url}/api${path}`, { ...init, headers });
}

async function get<Schema extends z.ZodType>(
  index: number,
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const response = await call(index, path, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return schema.parse(await response.json());
}

/** A client that stays connected to one server until the test ends. */
async function join(index: number, room: string): Promise<Session13> {
  const presence = { name: `on ${index}` };
  const session = yWebsocket31.open(server(index).wsUrl, room, { presence });
  whenDone(async () => session.destroy());
  await waitFor(() => session.isSynced, { message: "the client has synced" });
  return session;
}

function openEvents(index: number, path: string): Promise<EventReader> {
  return EventReader.open(`${server(index).url}/api${path}`, HEADERS);
}

describe("the API of a cluster", () => {
  it("lists all servers, whichever server is asked", async () => {
    const { servers, unreachable } = await get(1, "/servers", serversSchema);
    expect(servers.map(({ address }) => address).sort()).toEqual([0, 1, 2].map(addressOf).sort());
    expect(servers.map(({ lease }) => lease)).toEqual(["held", "held", "held"]);
    expect(unreachable).toEqual([]);
  });

  it("shows connections and presence across all servers", async () => {
    const sessions = [await join(0, "who"), await join(1, "who"), await join(1, "who")];
    const room = await get(2, "/rooms/who", roomSchema);
    expect(room).toMatchObject({ active: true, connections: 3 });
    expect([...room.servers].sort()).toEqual([addressOf(0), addressOf(1)].sort());
    const { rooms, total } = await get(2, "/rooms?active=true&search=who", roomListSchema);
    expect(rooms).toMatchObject([{ name: "who", connections: 3 }]);
    expect(total).toBe(1);
    const hasAll = async () => {
      const { clients } = await get(2, "/rooms/who/presence", presenceSchema);
      return sessions.every(({ clientId }) => clients.some(({ client }) => client === clientId));
    };
    await waitFor(hasAll, { message: "presence includes all three clients" });
  });

  it("reads a document of another server without opening it", async () => {
    const session = await join(0, "elsewhere");
    session.text.insert(0, "text of another server");
    const isThere = async () => {
      const { roots } = await get(2, "/rooms/elsewhere/document", documentSchema);
      return roots.text?.value === "text of another server";
    };
    await waitFor(isThere, { message: "the API returns the other server's document" });
    const room = await get(2, "/rooms/elsewhere", roomSchema);
    expect(room.servers).toEqual([addressOf(0)]);
  });

  it("streams connection changes from all servers", async () => {
    const reader = await openEvents(2, "/events");
    const first = await reader.next("rooms", roomsEventSchema);
    expect(first.complete).toBe(true);
    const session = await join(0, "changing");
    const countOf = ({ data }: { data: unknown }) =>
      roomsEventSchema.parse(data).rooms.find(({ name }) => name === "changing")?.connections;
    await waitFor(() => reader.events.some((event) => countOf(event) === 1), {
      message: "the connection has been reported",
    });
    session.destroy();
    await waitFor(() => reader.events.some((event) => countOf(event) === 0), {
      message: "the disconnection has been reported",
    });
  });

  it("streams changes to a document on another server without counting as a connection", async () => {
    const session = await join(0, "watched");
    session.text.insert(0, "first ");
    const reader = await openEvents(2, "/rooms/watched/watch");
    const seen = new Y.Doc();
    let next = 0;
    const read = () => {
      for (; next < reader.events.length; next++) {
        const event = reader.events[next];
        if (event?.name !== "update") continue;
        const { update } = updateEventSchema.parse(event.data);
        Y.applyUpdate(seen, new Uint8Array(Buffer.from(update, "base64")));
      }
      return seen.getText("text").toString();
    };
    await waitFor(() => read() === "first ", { message: "the stream contains the existing text" });
    session.text.insert(6, "second");
    await waitFor(() => read() === "first second", { message: "the stream contains the new text" });
    const isPresent = () =>
      reader.events.some(
        ({ name, data }) =>
          name === "presence" &&
          presenceEventSchema.parse(data).clients.some((one) => one.client === session.clientId),
      );
    await waitFor(isPresent, { message: "the stream shows the client as present" });
    expect(await get(1, "/rooms/watched", roomSchema)).toMatchObject({ connections: 1 });
    const { clients } = await get(1, "/rooms/watched/presence", presenceSchema);
    expect(clients.map(({ client }) => client)).toEqual([session.clientId]);
    reader.close();
    const isAlone = async () => (await get(1, "/rooms/watched", roomSchema)).servers.length === 1;
    await waitFor(isAlone, { message: "the watching server has unloaded the document" });
  });

  it("delivers a posted update to clients on other servers", async () => {
    const session = await join(0, "posted");
    const answer = await call(2, "/rooms/posted/updates", {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: new Uint8Array(updateOf("from outside")),
    });
    expect(answer.status).toBe(204);
    await waitFor(() => session.text.toString() === "from outside", {
      message: () => `the update has arrived; the text is ${session.text.toString()}`,
    });
  });

  it("deletes a room on all servers and disconnects its clients", async () => {
    const clients = await Promise.all(
      [0, 1].map((index) => RawClient.connect(server(index).wsUrl, "deleted")),
    );
    for (const client of clients) client.sendStep1();
    await Promise.all(clients.map((client) => client.first("step2")));
    clients[0]?.sendUpdate(updateOf("content"));
    const hasContent = async () => {
      const update = await (await call(2, "/rooms/deleted/document")).arrayBuffer();
      return textOf(new Uint8Array(update)) === "content";
    };
    await waitFor(hasContent, { message: "the content is readable on another server" });
    expect((await call(2, "/rooms/deleted", { method: "DELETE" })).status).toBe(204);
    const closes = await Promise.all(clients.map(({ closed }) => closed));
    expect(closes.map(({ code }) => code)).toEqual([4404, 4404]);
    for (const path of ["/rooms/deleted", "/rooms/deleted/document", "/rooms/deleted/watch"]) {
      await waitFor(async () => (await call(1, path)).status === 404, {
        message: `${path} is gone`,
      });
    }
  });

  it("requires the token on every server, and accepts a session begun on another", async () => {
    for (const index of [0, 1, 2]) {
      for (const path of ["/api/rooms", "/metrics", "/api/events"]) {
        expect((await fetch(server(index).url + path)).status).toBe(401);
      }
    }
    const begun = await call(0, "/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: "the token of the tests" }),
    });
    const cookie = begun.headers.get("set-cookie")?.split(";")[0] ?? "";
    const other = await fetch(`${server(1).url}/api/rooms`, { headers: { cookie } });
    expect(other.status).toBe(200);
    expect(other.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("ends event streams when a server drains", async () => {
    const reader = await openEvents(0, "/events");
    await reader.next("rooms", roomsEventSchema);
    const stopped = server(0).stop();
    await waitFor(() => reader.hasEnded, { message: "the stream has ended" });
    expect(await stopped).toBe(0);
  });
});
