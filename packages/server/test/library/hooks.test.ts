import { expect, it } from "vitest";
import * as Y from "yjs";
import { UPDATE_TYPE } from "../../src/http/api/document-download.ts";
import {
  type ChangeEvent,
  type ConnectEvent,
  type DisconnectEvent,
  type Hooks,
  MemoryStore,
  StorageError,
} from "../../src/index.ts";
import { parseExposition } from "../metrics/parse-exposition.ts";
import { yWebsocket31 } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { start, whenDone, wsUrl } from "./servers.ts";

function written(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = 1;
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

function recording() {
  const connects: ConnectEvent[] = [];
  const disconnects: DisconnectEvent[] = [];
  const changes: ChangeEvent[] = [];
  const others: unknown[] = [];
  const hooks: Hooks = {
    onConnect: (event) => connects.push(event),
    onLoad: (event) => others.push(event),
    onChange: (event) => changes.push(event),
    onStore: (event) => others.push(event),
    onDisconnect: (event) => disconnects.push(event),
  };
  return { connects, disconnects, changes, others, hooks };
}

it("hooks follow a room from its first connection to its snapshot", async () => {
  const { connects, disconnects, changes, others, hooks } = recording();
  const journal = new MemoryStore().openJournal();
  const symphony = await start({
    ...{ hooks, journal },
    access: ({ token = null }) => ({ subject: token, level: "read-write", expiresAt: null }),
    settings: { UNLOAD_DELAY_MS: 0 },
  });
  const session = yWebsocket31.open(wsUrl(symphony), "room", { params: { token: "ada" } });
  whenDone(async () => session.destroy());
  await waitFor(() => session.isSynced && connects.length === 1, {
    message: "ada has connected and synced",
  });
  const { connection = "" } = connects[0] ?? {};
  const ada = { room: "room", connection, subject: "ada" };
  expect(connects).toEqual([{ ...ada, level: "read-write", address: "127.0.0.1" }]);
  session.text.insert(0, "a");
  session.text.insert(1, "b");
  const told = () => changes.flatMap((event) => event.changes);
  await waitFor(() => told().length >= 2, { message: "the changes have been reported" });
  const doc = new Y.Doc();
  for (const { update } of told()) Y.applyUpdate(doc, update);
  expect(doc.getText("text").toString()).toBe("ab");
  expect(told().map(({ author }) => author)).toEqual(
    [1, 2].map(() => ({ connection, subject: "ada" })),
  );

  await fetch(`${symphony.url}/api/rooms/room/updates`, {
    method: "POST",
    headers: { "content-type": UPDATE_TYPE },
    body: written("c").slice(),
  });
  await waitFor(() => told().length === 3, {
    message: "the change made through the API has been reported",
  });
  expect(told()[2]?.author).toBe(null);

  session.destroy();
  await waitFor(() => others.length === 2, { message: "the snapshot has been reported" });
  expect(disconnects).toEqual([{ ...ada, code: expect.any(Number) }]);
  expect(others).toEqual([{ room: "room" }, { room: "room", bytes: expect.any(Number) }]);
});

it("hooks receive the code with which the server closed a connection", async () => {
  const { disconnects, hooks } = recording();
  const symphony = await start({ hooks });
  const client = await RawClient.connect(wsUrl(symphony), "room");
  await client.first("step1");
  client.sendText("malformed");
  await client.closed;
  const other = await RawClient.connect(wsUrl(symphony), "room");
  await other.first("step1");
  await symphony.close();
  expect(disconnects.map(({ code }) => code)).toEqual([1007, 1012]);
});

it("failing hooks are counted and do not affect clients", async () => {
  const fail = () => {
    throw new Error("oops");
  };
  const symphony = await start({
    hooks: { onConnect: fail, onLoad: async () => fail(), onChange: fail, onDisconnect: fail },
  });
  const [ada, bob] = [1, 2].map(() => yWebsocket31.open(wsUrl(symphony), "room"));
  if (ada === undefined || bob === undefined) throw new Error("expected two sessions");
  whenDone(async () => [ada, bob].map((session) => session.destroy()));
  ada.text.insert(0, "hello");
  await waitFor(() => bob.text.toString() === "hello", { message: "bob has received the text" });
  const failures = await waitFor(
    async () => {
      const { valueAt } = parseExposition(await (await fetch(`${symphony.url}/metrics`)).text());
      const of = (hook: string) => valueAt(`symphony_hook_failures_total{hook="${hook}"}`);
      return of("onChange") === undefined ? null : [of("onConnect"), of("onLoad")];
    },
    { message: "the failures have been counted" },
  );
  expect(failures).toEqual([2, 1]);
});

it("load supplies the initial content of a room, once, without reporting it as a change", async () => {
  const store = new MemoryStore();
  const [journal, snapshots] = [store.openJournal(), store.openSnapshots()];
  const asked: string[] = [];
  const { changes, hooks } = recording();
  const symphony = await start({
    ...{ journal, snapshots, hooks },
    load: async (room) => {
      asked.push(room);
      return room === "empty" ? null : written(`the content of ${room}`);
    },
    settings: { UNLOAD_DELAY_MS: 0, SNAPSHOT_INTERVAL_MS: 60_000 },
  });
  const textOf = async (room: string) =>
    (await readRoom(wsUrl(symphony), room)).getText("text").toString();
  expect(await Promise.all([textOf("one"), textOf("one"), textOf("empty")])).toEqual([
    "the content of one",
    "the content of one",
    "",
  ]);
  expect(asked.sort()).toEqual(["empty", "one"]);
  await waitFor(() => snapshots.read("one"), { message: "the room has been stored" });
  expect(await textOf("one")).toBe("the content of one");
  expect(asked).toEqual(["empty", "one"]);
  expect(changes).toEqual([]);
});

it.each<[string, () => Promise<Uint8Array | null>]>([
  ["rejects", () => Promise.reject(new Error("no database"))],
  ["returns a malformed update", async () => Uint8Array.of(1, 2, 3)],
  ["returns another type", async () => "text" as never],
])("a load that %s keeps only its own room closed", async (_, load) => {
  let isBroken = true;
  const symphony = await start({
    load: async (room) => (room === "bad" && isBroken ? load() : written(room)),
  });
  const refused = await RawClient.connect(wsUrl(symphony), "bad");
  expect((await refused.closed).code).toBe(1013);
  expect((await readRoom(wsUrl(symphony), "good")).getText("text").toString()).toBe("good");
  isBroken = false;
  expect((await readRoom(wsUrl(symphony), "bad")).getText("text").toString()).toBe("bad");
});

it("load is not called while the snapshot store cannot be read", async () => {
  const snapshots = new MemoryStore().openSnapshots();
  const read = snapshots.read.bind(snapshots);
  snapshots.read = () => Promise.reject(new StorageError("the disk is away"));
  const symphony = await start({ snapshots, load: () => written("new") });
  const refused = await RawClient.connect(wsUrl(symphony), "room");
  expect((await refused.closed).code).toBe(1013);
  snapshots.read = read;
  await snapshots.write("room", written("old"), null);
  expect((await readRoom(wsUrl(symphony), "room")).getText("text").toString()).toBe("old");
});
