import { createServer as createTlsServer } from "node:https";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { CALLS_PATH } from "../../src/fleet/server-call-messages.ts";
import { START_PATH } from "../../src/fleet/start-notice.ts";
import {
  AccessDeniedError,
  AccessUnavailableError,
  type Authorize,
  type ChangeEvent,
  ConfigError,
  createServer,
  MemoryStore,
  type ServerOptions,
  SnapshotTooLargeError,
  StorageError,
} from "../../src/index.ts";
import { PEER_PATH } from "../../src/replication/peers.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { send } from "../http/http-parts.ts";
import { yWebsocket31 } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { lent, withOverrides } from "../support/wrap-part.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { application, listen, silent, start, whenDone, wsUrl } from "./servers.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The close that a connecting client receives. */
async function closeOf(options: ServerOptions) {
  const client = await RawClient.connect(wsUrl(await start(options)), "room");
  return client.closed;
}

describe("createServer", () => {
  it("uses only the settings it is given, not the environment", async () => {
    vi.stubEnv("PORT", "not a port");
    vi.stubEnv("MAX_CONNECTIONS_PER_ROOM", "5");
    const { Request: request, Response: response } = globalThis;
    const DATA_DIR = await temporaryDirectory();
    const symphony = await start({
      settings: { DATA_DIR, MAX_CONNECTIONS_PER_ROOM: 1, GC: false, REDIS_URL: undefined },
    });
    const client = await RawClient.connect(wsUrl(symphony), "room");
    await client.first("step1");
    const other = await RawClient.connect(wsUrl(symphony), "room");
    expect((await other.closed).code).toBe(4409);
    expect(globalThis).toMatchObject({ Request: request, Response: response });
    await client.close();
    expect(await symphony.close()).toBe(true);
    await expect(fetch(symphony.url)).rejects.toThrow();
  });

  it("stores documents in the directory from the settings", async () => {
    const settings = { DATA_DIR: await temporaryDirectory() };
    const first = await start({ settings });
    const session = yWebsocket31.open(wsUrl(first), "room");
    whenDone(async () => session.destroy());
    session.text.insert(0, "kept");
    const stored = async (url: string) => (await readRoom(url, "room")).getText("text").toString();
    await waitFor(async () => (await stored(wsUrl(first))) === "kept", {
      message: "the first server has stored the text",
    });
    session.disconnect();
    await first.close();
    expect(await stored(wsUrl(await start({ settings })))).toBe("kept");
  });

  it("reads the environment if it is passed as settings", async () => {
    vi.stubEnv("PORT", "not a port");
    await expect(createServer({ settings: process.env })).rejects.toThrow(/^PORT="not a port"/);
  });

  const anybody: Authorize = () => ({ subject: null, level: "read-write", expiresAt: null });
  const { bus, registry } = new MemoryCluster();
  const CLUSTER_SECRET = "sixteen characters";
  const tls = createTlsServer();
  const store = new MemoryStore();
  const shared = { journal: store.openJournal(), snapshots: store.openSnapshots() };
  it.each<[string, ServerOptions, RegExp]>([
    ["an invalid setting", { settings: { PORT: 70_000 } }, /^PORT="70000": must be at most 65535$/],
    [
      "two kinds of access control",
      { access: anybody, settings: { AUTH_WEBHOOK_URL: "http://app" } },
      /^access and AUTH_WEBHOOK_URL are both set/,
    ],
    [
      "anonymous access alongside access control",
      { access: anybody, settings: { ALLOW_ANONYMOUS: true } },
      /^ALLOW_ANONYMOUS=true would admit clients that access rejects/,
    ],
    [
      "an attached server without access control",
      { attachTo: { server: application(), path: "/collab" } },
      /^attachTo needs access control/,
    ],
    ...["", "/", "collab", "/a//b", "/a?b", "/a%20b", "/a/../b", "/..", "/ä"].map(
      (path): [string, ServerOptions, RegExp] => [
        `the path "${path}"`,
        { access: anybody, attachTo: { server: application(), path } },
        /^attachTo.path=".*": must be a path/,
      ],
    ),
    [
      "a path reserved for clusters",
      { access: anybody, attachTo: { server: application(), path: "/cluster/x" } },
      /^attachTo.path="\/cluster\/x": \/cluster is reserved/,
    ],
    [
      "a bus without a registry",
      { bus, settings: { CLUSTER_SECRET } },
      /^bus needs DATABASE_URL or DYNAMODB_TABLE or registry/,
    ],
    ["a registry without a bus", { registry }, /^registry needs REDIS_URL or bus/],
    ["a cluster without a secret", { bus, registry }, /^bus needs CLUSTER_SECRET/],
    [
      "a cluster without a shared journal",
      { bus, registry, settings: { CLUSTER_SECRET, S3_BUCKET: "b" } },
      /^bus needs DATABASE_URL or journal/,
    ],
    [
      "a cluster without shared metadata",
      { bus, registry, ...shared, settings: { CLUSTER_SECRET } },
      /^bus needs DATABASE_URL or metadata/,
    ],
    [
      "a cluster attached to a TLS server",
      {
        ...{ bus, registry, snapshots: shared.snapshots, access: anybody },
        attachTo: { server: tls, path: "/collab" },
        settings: { CLUSTER_SECRET, DATABASE_URL: "postgres://db" },
      },
      /^attachTo.server uses TLS/,
    ],
  ])("refuses %s", async (_, options, message) => {
    const error = await createServer(options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String((error as Error).message)).toMatch(message);
  });
});

describe("custom access control", () => {
  it("decides on access and gives the reason to refused clients", async () => {
    const access: Authorize = ({ token }) => {
      if (token !== "ada")
        throw new AccessDeniedError("unauthenticated", "wer bist du? 😀".repeat(20));
      return { subject: "ada", level: "read-only", expiresAt: null };
    };
    const symphony = await start({ access, settings: { HOST: "0.0.0.0" } });
    const url = wsUrl(symphony).replace("0.0.0.0", "127.0.0.1");
    const refused = await RawClient.connect(url, "room");
    const { code, reason } = await refused.closed;
    expect([code, reason.startsWith("wer bist du? 😀"), reason.includes("\ufffd")]).toEqual([
      4401,
      true,
      false,
    ]);
    const reader = await RawClient.connect(url, "room", { query: "?token=ada" });
    reader.sendStep1();
    await reader.first("step2");
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "x");
    reader.sendUpdate(Y.encodeStateAsUpdate(doc));
    expect((await reader.closed).code).toBe(4403);
  });

  it.each<[string, Authorize]>([
    ["is unavailable", () => Promise.reject(new AccessUnavailableError("no database"))],
    [
      "throws another error",
      () => {
        throw new TypeError("oops");
      },
    ],
    ["returns nothing", () => undefined as never],
    ["returns an unknown level", () => ({ level: "admin" }) as never],
  ])("admits nobody if it %s", async (_, access) => {
    expect((await closeOf({ access })).code).toBe(1013);
  });

  it("is consulted again on a recheck, and closed once", async () => {
    const forgotten: string[] = [];
    let closed = 0;
    let isAllowed = true;
    const symphony = await start({
      access: {
        authorize: async () => {
          if (!isAllowed) throw new AccessDeniedError("forbidden", "not any more");
          return { subject: null, level: "read-write", expiresAt: null };
        },
        forget: (room) => {
          forgotten.push(room);
        },
        close: () => {
          closed++;
          throw new Error("a close that fails");
        },
      },
    });
    const client = await RawClient.connect(wsUrl(symphony), "room");
    await client.first("step1");
    isAllowed = false;
    const recheck = `${symphony.url}/api/rooms/room/recheck`;
    expect((await fetch(recheck, { method: "POST" })).ok).toBe(true);
    expect(await client.closed).toEqual({ code: 4403, reason: "not any more" });
    expect(forgotten).toEqual(["room"]);
    expect(await symphony.close()).toBe(true);
    expect(closed).toBe(1);
  });
});

describe("custom stores", () => {
  it("hold the documents and are closed once", async () => {
    const store = new MemoryStore();
    const [journal, snapshots] = [store.openJournal(), store.openSnapshots()];
    const closed = [vi.spyOn(journal, "close"), vi.spyOn(snapshots, "close")];
    const symphony = await start({ journal, snapshots });
    const session = yWebsocket31.open(wsUrl(symphony), "room");
    whenDone(async () => session.destroy());
    session.text.insert(0, "mine");
    await waitFor(async () => (await journal.read("room")).rows.length > 0, {
      message: "the update is in the journal",
    });
    await symphony.close();
    const doc = new Y.Doc();
    const stored = await store.openSnapshots().read("room");
    Y.applyUpdate(doc, stored?.update ?? Uint8Array.of());
    expect(doc.getText("text").toString()).toBe("mine");
    for (const close of closed) expect(close).toHaveBeenCalledOnce();
  });

  it("are closed if the server fails to start", async () => {
    for (const wrong of [
      { settings: { DATA_DIR: "/dev/null/x" } },
      { settings: { PORT: "x" } },
      { hooks: { onConect: () => {} } as object },
    ]) {
      const journal = new MemoryStore().openJournal();
      const closed = vi.spyOn(journal, "close");
      await expect(createServer({ journal, logger: silent, ...wrong })).rejects.toThrow();
      expect(closed).toHaveBeenCalledOnce();
    }
  });

  it("close clients with 1013 if they cannot be read", async () => {
    const snapshots = new MemoryStore().openSnapshots();
    snapshots.read = () => Promise.reject(new StorageError("the disk is away"));
    expect((await closeOf({ snapshots })).code).toBe(1013);
  });

  it("that refuse large snapshots delay no other room, and do not count as failing", async () => {
    const store = new MemoryStore();
    const snapshots = store.openSnapshots();
    let refused = 0;
    const symphony = await start({
      journal: store.openJournal(),
      snapshots: withOverrides(snapshots, {
        write: async (room, update, expected) => {
          if (update.length < 1_000) return snapshots.write(room, update, expected);
          refused++;
          throw new SnapshotTooLargeError(`${update.length} bytes are too many`);
        },
      }),
      settings: { SNAPSHOT_INTERVAL_MS: 50 },
    });
    const write = (room: string, text: string) => {
      const session = yWebsocket31.open(wsUrl(symphony), room);
      whenDone(async () => session.destroy());
      session.text.insert(0, text);
    };
    for (const room of ["large", "larger"]) write(room, room.repeat(1_000));
    await waitFor(() => refused >= 6, { message: "both rooms have been refused a few times" });
    write("small", "text");
    await waitFor(async () => (await snapshots.read("small")) !== null, {
      timeout: 5_000,
      message: "the other room is stored",
    });
    expect((await fetch(`${symphony.url}/health/ready`)).status).toBe(200);
  });
});

describe("a custom bus and registry", () => {
  it("connect a standalone and an attached server", async () => {
    const store = await openSqliteStore(await temporaryDirectory(), silent);
    whenDone(() => store.close());
    const cluster = new MemoryCluster();
    const options = {
      ...{ bus: cluster.bus, registry: cluster.registry },
      journal: lent(store.journal),
      snapshots: lent(store.snapshots),
      metadata: lent(store.metadata),
    };
    const CLUSTER_SECRET = "sixteen characters";
    const server = application();
    const attachTo = { server, path: "/collab" };
    await expect(
      start({ ...options, attachTo, settings: { CLUSTER_SECRET, ALLOW_ANONYMOUS: true } }),
    ).rejects.toThrow(/^SERVER_ADDRESS is needed/);
    const { port } = await listen(server);
    const changes: string[] = [];
    const hooks = (name: string) => ({
      onChange: (event: ChangeEvent) => event.changes.map(() => changes.push(name)),
    });
    const one = await start({ ...options, hooks: hooks("one"), settings: { CLUSTER_SECRET } });
    const two = await start({
      ...options,
      hooks: hooks("two"),
      attachTo,
      settings: { CLUSTER_SECRET, ALLOW_ANONYMOUS: true },
    });
    const [ada, bob] = [one, two].map((at) => yWebsocket31.open(wsUrl(at), "room"));
    if (ada === undefined || bob === undefined) throw new Error("expected two sessions");
    whenDone(async () => [ada, bob].map((session) => session.destroy()));
    ada.text.insert(0, "a");
    await waitFor(() => bob.text.toString() === "a", { message: "bob has received the text" });
    bob.text.insert(1, "b");
    await waitFor(() => ada.text.toString() === "ab", { message: "ada has received both texts" });
    // Each change is reported only by the server whose client made it.
    await waitFor(() => changes.length >= 2, { message: "the changes have been reported" });
    const answer = await (await fetch(`${one.url}/api/servers`)).json();
    const { servers } = answer as { servers: { address: string }[] };
    expect(servers.map(({ address }) => address)).toEqual(
      expect.arrayContaining([new URL(one.url).host, `127.0.0.1:${port}`]),
    );
    // Every path used between servers leads to Symphony, not to the application.
    for (const path of [PEER_PATH, `${CALLS_PATH}/status`, START_PATH]) {
      const { status } = await send({ port, path }, { method: "POST" });
      expect([path, status]).toEqual([path, 401]);
    }
    await one.close();
    expect(changes).toEqual(["one", "two"]);
    expect(cluster.closed).toEqual([
      `registry of ${new URL(one.url).host}`,
      `bus of ${new URL(one.url).host}`,
    ]);
  });
});
