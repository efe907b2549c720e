import { freePorts } from "@symphony/services/free-ports";
import { describe, expect, it } from "vitest";
import { roomListSchema, roomSchema } from "../../src/http/api/schemas.ts";
import { RegistryError } from "../../src/replication/registry.ts";
import { waitFor } from "../support/wait-for.ts";
import { withOverrides } from "../support/wrap-part.ts";
import { ADDRESS, TestApi, textOf } from "./api-parts.ts";
import { detailOf, send } from "./http-parts.ts";

/** Names that a careless API would misread or treat as a path. */
const ODD_NAMES = [
  "a/b",
  "/",
  "//",
  "a/",
  "../a",
  "../../etc/passwd",
  "..%2Fa",
  "%",
  "%2F",
  "%25",
  "50% of it",
  "a+b c",
  "a?b=c&d",
  "#",
  "a;b:c@d",
  "'\"`<b>",
  "\\",
  "a\\..\\b",
  ":room",
  "*",
  "{room}",
  "document",
  "-",
  "...",
  ".a",
  "__proto__",
  "caf\u00e9",
  "cafe\u0301",
  "😀 👩‍👩‍👧‍👦",
  "日本語",
  "\u2028",
  "x".repeat(200),
  "😀".repeat(128),
];

/** Names that cannot be a path segment of a URL. */
const DOTS = [".", ".."];

/** Invalid room names and the expected error. */
const NO_NAMES = [
  ["%00", "control characters"],
  ["a%0Ab", "control characters"],
  ["%FF", "percent-encoded"],
  ["%E2%82", "percent-encoded"],
  ["%F0%9F%98%80".repeat(129), "512 bytes"],
  ["a?room=b", "-"],
  ["-?room=", "empty"],
] as const;

/** A room in the metadata that is not open. */
async function record(api: TestApi, name: string, saved?: { at: number; bytes: number }) {
  await api.metadata.record([
    { type: "room-opened", room: name, at: 1_000 },
    ...(saved === undefined ? [] : [{ type: "room-saved" as const, room: name, ...saved }]),
  ]);
}

describe("one room", () => {
  it("is described by its metadata, connections and servers", async () => {
    const api = await TestApi.start();
    await record(api, "notes", { at: 1_700_000_000_000, bytes: 123 });
    expect(await api.get("/rooms/notes", roomSchema)).toEqual({
      name: "notes",
      createdAt: "1970-01-01T00:00:01.000Z",
      updatedAt: "2023-11-14T22:13:20.000Z",
      bytes: 123,
      active: false,
      connections: 0,
      servers: [],
    });
    const session = await api.documents.open("notes");
    api.connect("notes");
    const open = await api.get("/rooms/notes", roomSchema);
    expect(open).toMatchObject({ active: true, connections: 1, servers: [ADDRESS], bytes: 123 });
    session[Symbol.dispose]();
    const missing = await api.request("/rooms/nothing");
    expect(missing.status).toBe(404);
    expect(detailOf(missing)).toContain('"nothing"');
    expect(missing.headers["cache-control"]).toBe("no-store");
  });

  it("can have any name", async () => {
    const api = await TestApi.start();
    for (const name of ODD_NAMES) {
      await record(api, name);
      const url = `${api.url}/api/rooms/${encodeURIComponent(name)}`;
      expect(await (await fetch(url)).json()).toMatchObject({ name });
      const query = await fetch(`${api.url}/api/rooms/-?room=${encodeURIComponent(name)}`);
      expect(await query.json()).toMatchObject({ name });
      await api.write(name, `content of ${name}`);
      const update = await (await fetch(`${url}/document`)).arrayBuffer();
      expect(textOf(new Uint8Array(update))).toBe(`content of ${name}`);
      expect((await fetch(url, { method: "DELETE" })).status, name).toBe(204);
      await waitFor(async () => (await fetch(url)).status === 404, {
        message: `the room ${name} is gone`,
      });
    }
  });

  it("can be named . or .., but only in the query", async () => {
    const api = await TestApi.start();
    for (const name of DOTS) {
      await record(api, name);
      const response = await fetch(`${api.url}/api/rooms/-?room=${name}`);
      expect(await response.json()).toMatchObject({ name });
      for (const path of [name, name.replaceAll(".", "%2E")]) {
        const inPath = await fetch(`${api.url}/api/rooms/${path}`, { method: "DELETE" });
        expect(inPath.status).toBe(404);
      }
      expect((await fetch(`${api.url}/api/rooms/-?room=${name}`)).status).toBe(200);
    }
  });

  it("must have a valid name", async () => {
    const api = await TestApi.start();
    for (const [path, reason] of NO_NAMES) {
      for (const method of ["GET", "DELETE"]) {
        const url = { port: api.port, path: `/api/rooms/${path}` };
        const answer = await send(url, { method });
        expect(answer.status, path).toBe(400);
        expect(detailOf(answer)).toContain(reason);
      }
    }
  });

  it("is deleted with its stored data and its open document", async () => {
    const api = await TestApi.start();
    await api.write("gone", "content");
    await api.write("kept", "content");
    const session = await api.documents.open("gone");
    const removed = await api.request("/rooms/gone", { method: "DELETE" });
    expect(removed.status).toBe(204);
    expect(removed.body.length).toBe(0);
    expect(api.documents.inspect("gone")).toBeNull();
    session[Symbol.dispose]();
    await waitFor(async () => (await api.request("/rooms/gone")).status === 404, {
      message: "the record of the room is gone",
    });
    expect((await api.request("/rooms/gone/document")).status).toBe(404);
    expect((await api.request("/rooms/kept/document")).status).toBe(200);
    expect((await api.request("/rooms/gone", { method: "DELETE" })).status).toBe(204);
  });

  it("can be rechecked", async () => {
    const api = await TestApi.start();
    const answer = await api.request("/rooms/a%2Fb/recheck", { method: "POST" });
    expect(answer.status).toBe(204);
    expect(api.rechecked).toEqual(["a/b"]);
  });
});

describe("the list of rooms", () => {
  it("supports paging, sorting and searching", async () => {
    const api = await TestApi.start();
    for (const [i, name] of ["Alpha", "beta", "alphabet", "100%", "gamma"].entries()) {
      await record(api, name, { at: 2_000 + i, bytes: 10 - i });
    }
    const names = async (query: string) =>
      (await api.get(`/rooms?${query}`, roomListSchema)).rooms.map(({ name }) => name);
    expect(await names("")).toEqual(["gamma", "100%", "alphabet", "beta", "Alpha"]);
    expect(await names("sort=bytes&order=asc")).toEqual([
      "gamma",
      "100%",
      "alphabet",
      "beta",
      "Alpha",
    ]);
    expect(await names("search=ALPHA&sort=name&order=asc")).toEqual(["Alpha", "alphabet"]);
    expect(await names("search=%25")).toEqual(["100%"]);
    const first = await api.get("/rooms?sort=name&order=asc&limit=2", roomListSchema);
    expect(first).toMatchObject({ total: 5, rooms: [{ name: "100%" }, { name: "Alpha" }] });
    const rest = `sort=name&order=asc&cursor=${first.next}`;
    expect(await names(rest)).toEqual(["alphabet", "beta", "gamma"]);
    const last = await api.get(`/rooms?${rest}`, roomListSchema);
    expect(last).toMatchObject({ total: 5, next: null });
  });

  it("shows which rooms are active", async () => {
    const api = await TestApi.start();
    await record(api, "quiet");
    await record(api, "busy");
    const session = await api.documents.open("busy");
    api.connect("busy");
    const { rooms } = await api.get("/rooms?sort=name&order=asc", roomListSchema);
    expect(rooms).toMatchObject([
      { name: "busy", active: true, connections: 1, servers: [ADDRESS] },
      { name: "quiet", active: false, connections: 0, servers: [] },
    ]);
    session[Symbol.dispose]();
  });

  it("can be limited to active rooms, with every sort order", async () => {
    const api = await TestApi.start();
    const connections = { one: 1, three: 3, two: 2, TWO: 2, new: 1 };
    for (const [name, count] of Object.entries(connections)) {
      if (name !== "new") await record(api, name, { at: 2_000 + count, bytes: 50 - count });
      for (let i = 0; i < count; i++) api.connect(name);
    }
    await record(api, "quiet");
    const pages = async (query: string) => {
      const names: string[] = [];
      let cursor: string | null = null;
      do {
        const after: string = cursor === null ? "" : `&cursor=${cursor}`;
        const page = await api.get(`/rooms?active=true&limit=2&${query}${after}`, roomListSchema);
        expect(page.rooms.length).toBeLessThanOrEqual(2);
        expect(page.total).toBe(query.includes("search") ? 2 : 5);
        names.push(...page.rooms.map(({ name }) => name));
        cursor = page.next;
      } while (cursor !== null);
      return names;
    };
    expect(await pages("sort=connections")).toEqual(["three", "two", "TWO", "one", "new"]);
    expect(await pages("sort=connections&order=asc")).toEqual([
      "new",
      "one",
      "TWO",
      "two",
      "three",
    ]);
    expect(await pages("sort=name&order=asc")).toEqual(["TWO", "new", "one", "three", "two"]);
    expect(await pages("sort=updated")).toEqual(["three", "two", "TWO", "one", "new"]);
    expect(await pages("sort=bytes&order=asc")).toEqual(["new", "three", "TWO", "two", "one"]);
    expect(await pages("sort=created")).toEqual(["new", "two", "three", "one", "TWO"]);
    expect(await pages("search=tWo&sort=name")).toEqual(["two", "TWO"]);
  });

  it("rejects malformed parameters", async () => {
    const api = await TestApi.start();
    for (const [query, reason] of [
      ["limit=0", "limit"],
      ["limit=201", "limit"],
      ["limit=many", 'limit is "many"'],
      ["sort=colour", 'sort is "colour"'],
      ["order=up", "order"],
      ["active=yes", "active"],
      ["sort=connections", "active=true"],
      [`search=${"x".repeat(201)}`, "search"],
      ["cursor=nonsense", "nonsense"],
      ["active=true&cursor=nonsense", "nonsense"],
      ["active=true&cursor=WyJuYW1lIGFzYyIsImEiLCJhIl0", "cursor"],
    ] as const) {
      const answer = await api.request(`/rooms?${query}`);
      expect(answer.status, query).toBe(400);
      expect(detailOf(answer)).toContain(reason);
    }
  });
});

describe("errors", () => {
  it("name the failing component", async () => {
    const servers = async () => {
      throw new RegistryError("the table is not there");
    };
    const api = await TestApi.start({ servers });
    await api.write("a", "text");
    for (const [method, path] of [
      ["DELETE", "/rooms/a"],
      ["POST", "/rooms/a/recheck"],
    ] as const) {
      const answer = await api.request(path, { method });
      expect(answer.status).toBe(503);
      expect(detailOf(answer)).toContain("the table is not there");
    }
    expect((await api.request("/rooms/a/document")).status).toBe(200);
  });

  it("name the server that does not respond", async () => {
    const other = `127.0.0.1:${(await freePorts(1))[0]}`;
    const api = await TestApi.start({ servers: async () => ({ alive: [other], lapsed: [] }) });
    await api.write("a", "text");
    const answer = await api.request("/rooms/a", { method: "DELETE" });
    expect(answer.status).toBe(503);
    expect(detailOf(answer)).toContain(other);
    expect((await api.request("/rooms/a/document")).status).toBe(200);
  });

  it("do not reveal the message of an unexpected error", async () => {
    const api = await TestApi.start({
      journal: (journal) =>
        withOverrides(journal, { read: () => Promise.reject(new TypeError("something internal")) }),
    });
    const answer = await api.request("/rooms/a/document");
    expect(answer.status).toBe(500);
    expect(detailOf(answer)).not.toContain("internal");
  });

  it("are returned for unknown paths", async () => {
    const api = await TestApi.start();
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/"],
      ["GET", "/rooms/"],
      ["GET", "/rooms/a/b"],
    ] as const) {
      const answer = await api.request(path, { method });
      expect(answer.status, `${method} ${path}`).toBe(404);
      detailOf(answer);
    }
  });
});
