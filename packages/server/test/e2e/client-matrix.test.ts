import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ProviderVersion, providerVersions, type Session } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

/** Providers close a connection after 30 s without a message, and check every 3 s. */
const SILENCE_MS = 46_000;

const open = new Set<Session>();
let server: TestServer;

interface Watcher {
  readonly session: Session;
  readonly since: number;
}

/** Idle clients, alone in their rooms, from the beginning of this file to its last test. */
let watchers: Watcher[];

beforeAll(async () => {
  server = await startServer({ env: { UNLOAD_DELAY_MS: "50", LOG_LEVEL: "debug" } });
  watchers = providerVersions.flatMap((version) =>
    [null, { name: "alone" }].map((presence, index) => ({
      session: version.open(server.wsUrl, `alone-${index}-${version.name}`, { presence }),
      since: performance.now(),
    })),
  );
  return () => {
    for (const { session } of watchers) session.destroy();
  };
});

afterEach(() => {
  for (const session of open) session.destroy();
  open.clear();
});

/** Opens a session that ends with the test. */
function join(version: ProviderVersion, room: string, options = {}, at = server): Session {
  const session = version.open(at.wsUrl, room, options);
  open.add(session);
  return session;
}

async function synced(...sessions: Session[]): Promise<void> {
  for (const session of sessions) {
    await waitFor(() => session.isSynced, { message: `${session.version} is synced` });
  }
}

async function shows(session: Session, text: string, timeout = 10_000): Promise<void> {
  await waitFor(() => session.text.toString() === text, {
    timeout,
    message: () =>
      `${session.version} shows ${JSON.stringify(text)}; last seen: ${JSON.stringify(session.text.toString())}`,
  });
}

/**
 * A provider that lost its connection accepts other clients' awareness again only from their next
 * change on, which happens by itself within 15 s; a busy load balancer may drop a connection any time.
 */
const PRESENCE_MS = 20_000;

async function sees(session: Session, client: number, state: unknown): Promise<void> {
  const wanted = JSON.stringify(state);
  await waitFor(() => JSON.stringify(session.presence.get(client)) === wanted, {
    timeout: PRESENCE_MS,
    message: () =>
      `${session.version} sees ${wanted} for client ${client}; last seen on connection ${session.connections}: ` +
      `${JSON.stringify([...session.presence])}`,
  });
}

/** The next version in the matrix, so that each version meets two others. */
function otherThan(version: ProviderVersion): ProviderVersion {
  const index = providerVersions.indexOf(version);
  const other = providerVersions[(index + 1) % providerVersions.length];
  if (other === undefined) throw new Error("the matrix is empty");
  return other;
}

describe.each(providerVersions.map((version) => [version.name, version] as const))(
  "%s",
  (name, version) => {
    const other = otherThan(version);

    it("syncs both ways with another version", async () => {
      const [a, b] = [join(version, `sync-${name}`), join(other, `sync-${name}`)];
      await synced(a, b);
      a.text.insert(0, "one 🎼 ");
      await shows(b, "one 🎼 ");
      b.text.insert(b.text.toString().length, "two");
      await shows(a, "one 🎼 two");
      a.text.delete(0, 4);
      await shows(b, "🎼 two");
    });

    it("exchanges awareness with another version, including its removal", async () => {
      const room = `presence-${name}`;
      const a = join(version, room, { presence: { name: "first" } });
      const b = join(other, room, { presence: { name: "second" } });
      await sees(b, a.clientId, { name: "first" });
      await sees(a, b.clientId, { name: "second" });
      a.setPresence({ name: "first", cursor: { anchor: 3 } });
      await sees(b, a.clientId, { name: "first", cursor: { anchor: 3 } });

      a.disconnect();
      await sees(b, a.clientId, undefined);
      b.vanish();
      a.connect();
      const late = join(other, room);
      await sees(late, a.clientId, { name: "first", cursor: { anchor: 3 } });
      for (const session of [late, a]) {
        await waitFor(() => !session.presence.has(b.clientId), {
          message: "the vanished client is removed",
        });
      }
    });

    it("receives the whole document before it is synced when it joins late", async () => {
      const room = `late-${name}`;
      const content = "a line that was there before\n".repeat(2_000);
      const writer = join(other, room);
      await synced(writer);
      writer.text.insert(0, content);
      const reader = join(other, room);
      await shows(reader, content);
      expect(await lengthWhenSynced(version, room)).toBe(content.length);

      // The same when the document must be read from the store first.
      writer.destroy();
      reader.destroy();
      for (const session of open) session.destroy();
      await waitFor(() => !isLoaded(room), { message: "the document is unloaded" });
      expect(await lengthWhenSynced(version, room)).toBe(content.length);
    });

    it("delivers edits made while it was disconnected", async () => {
      const [a, b] = [join(version, `offline-${name}`), join(other, `offline-${name}`)];
      a.text.insert(0, "together");
      await shows(b, "together");
      a.disconnect();
      await waitFor(() => !a.isConnected, { message: "the client is disconnected" });
      a.text.insert(0, "<offline>");
      b.text.insert(b.text.toString().length, "<online>");
      a.connect();
      await shows(a, "<offline>together<online>");
      await shows(b, "<offline>together<online>");
    });

    it("joins the same room under any name that fits into a URL", async () => {
      const rooms = ["drafts/2026/one", "two words", "größe/漢字/🎼", "tenant:7/doc-(1)+[2]"];
      await Promise.all(
        rooms.map(async (room) => {
          const named = `${name}/${room}`;
          const a = join(version, named, { params: { token: "not/a/room?" } });
          const b = join(other, named);
          a.text.insert(0, room);
          await shows(b, room);
          await holds(server, named.split("/").map(encodeURIComponent).join("/"), room);
        }),
      );
    });
  },
);

/** Waits until a new client receives this text, which is sent to it only once it is durable. */
async function holds({ wsUrl }: TestServer, room: string, text: string): Promise<void> {
  let found = "";
  const matches = async () => {
    found = (await readRoom(wsUrl, room)).getText("text").toString();
    return found === text;
  };
  await waitFor(matches, { message: () => `${room} holds "${text}"; last seen: "${found}"` });
}

describe("a restart of the server", () => {
  it.each([
    ["by SIGTERM", async (running: TestServer) => expect(await running.stop()).toBe(0)],
    ["by kill -9", async (running: TestServer) => running.kill()],
  ])("%s loses no client's edits or awareness", { timeout: 90_000 }, async (_, end) => {
    const first = await startServer();
    const rooms = providerVersions.map((version) => {
      const room = `restart-${version.name}`;
      const a = join(version, room, { presence: { name: "a" } }, first);
      const b = join(otherThan(version), room, { presence: { name: "b" } }, first);
      return { room, a, b };
    });
    for (const { a, b } of rooms) {
      a.text.insert(0, "before ");
      await shows(b, "before ");
      await sees(b, a.clientId, { name: "a" });
    }
    await end(first);
    for (const { a, b } of rooms) {
      await waitFor(() => !a.isConnected && !b.isConnected, {
        message: "both clients are disconnected",
      });
      a.text.insert(7, "during ");
    }
    const second = await startServer({ port: first.port, dataDir: first.dataDir });
    for (const { room, a, b } of rooms) {
      await shows(b, "before during ", 20_000);
      b.text.insert(14, "after");
      await shows(a, "before during after");
      a.setPresence({ name: "a", again: true });
      b.setPresence({ name: "b", again: true });
      await sees(b, a.clientId, { name: "a", again: true });
      await sees(a, b.clientId, { name: "b", again: true });
      await holds(second, room, "before during after");
    }
  });
});

it("selects one of the offered subprotocols, and none if none was offered", async () => {
  const offered = ["y-sync", "token-abc"];
  for (const version of providerVersions) {
    const session = join(version, "protocols", { protocols: offered });
    await synced(session);
    // The oldest version cannot offer subprotocols.
    if (!version.offersProtocols) expect(session.subprotocol).toBe("");
    else expect(offered).toContain(session.subprotocol);
  }
  const offering = await RawClient.connect(server.wsUrl, "raw", { protocols: ["a.b", "c"] });
  const plain = await RawClient.connect(server.wsUrl, "raw");
  expect(["a.b", "c"]).toContain(offering.subprotocol);
  expect(plain.subprotocol).toBe("");
  await offering.close();
  await plain.close();
});

it("keeps idle clients that are alone in their rooms on one connection", {
  timeout: 90_000,
}, async () => {
  for (const { session, since } of watchers) {
    await delay(Math.max(0, since + SILENCE_MS - performance.now()));
    const { version, isSynced, connections } = session;
    expect({ version, isSynced, connections }).toEqual({ version, isSynced: true, connections: 1 });
  }
});

/** The length of the room's text in a new client of this version at the moment it becomes synced. */
async function lengthWhenSynced(version: ProviderVersion, room: string): Promise<number> {
  const late = join(version, room, { connect: false });
  let length: number | undefined;
  late.onSynced(() => {
    length ??= late.text.toString().length;
  });
  late.connect();
  return await waitFor(() => length, { message: `${version.name} is synced` });
}

/** Whether the server has the document in memory: it logs at debug level when it unloads one. */
function isLoaded(room: string): boolean {
  return !server.logs.some((line) => line.msg === "unloaded" && line.room === room);
}
