import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { PeerError } from "../../src/replication/peers.ts";
import { DeletedError } from "../../src/room/deleted-rooms.ts";
import { readStored } from "../../src/room/persistence/stored-room.ts";
import type { RoomTable } from "../../src/room/room-table.ts";
import { RoomClient, textOf } from "../replication/room-client.ts";
import { type Around, PartsOfCluster, type ServerParts } from "../replication/server-parts.ts";
import { waitFor } from "../support/wait-for.ts";
import { withOverrides } from "../support/wrap-part.ts";

const ROOM = "a room/that is deleted";
const OTHER = "a room/that is del";
const cluster = new PartsOfCluster();
beforeAll(() => cluster.startServices());
afterAll(() => cluster.stopServices());
beforeEach(() => cluster.begin());
afterEach(() => cluster.end());

/** Holds calls back until it is opened. */
class Gate {
  readonly #opened = Promise.withResolvers<void>();
  arrived = 0;
  closed = false;

  open(): void {
    this.closed = false;
    this.#opened.resolve();
  }

  async pass(): Promise<void> {
    if (!this.closed) return;
    this.arrived++;
    await this.#opened.promise;
  }
}

/** Stores in which one kind of call passes a gate: a write before, a read after it has taken place. */
function behind(gate: Gate, call: "append" | "read" | "write" | "truncate" | "forget"): Around {
  const pass = async (passing: typeof call) => {
    if (passing === call) await gate.pass();
  };
  return ({ journal, snapshots }) => ({
    journal: withOverrides(journal, {
      append: async (rows) => {
        await pass("append");
        return journal.append(rows);
      },
      read: async (room) => {
        const read = await journal.read(room);
        await pass("read");
        return read;
      },
      truncate: async (...args) => {
        await pass("truncate");
        await journal.truncate(...args);
      },
      forget: async (room) => {
        await pass("forget");
        await journal.forget(room);
      },
    }),
    snapshots: withOverrides(snapshots, {
      write: async (...args) => {
        await pass("write");
        return snapshots.write(...args);
      },
    }),
  });
}

/** Resolves when all content of a room is in its snapshot. */
async function snapshotted(room: string): Promise<void> {
  await waitFor(
    async () => {
      const { rows, snapshotted } = await cluster.store.journal.read(room);
      return snapshotted && rows.length === 0;
    },
    { message: `the snapshot of ${room} is stored` },
  );
}

async function storedText(room: string): Promise<string | null> {
  const stored = await readStored(room, cluster.store);
  return stored === null ? null : textOf(stored);
}

async function expectDeleted(servers: readonly ServerParts[]): Promise<void> {
  expect(await storedText(ROOM)).toBeNull();
  expect(await cluster.store.journal.read(ROOM)).toEqual({ rows: [], snapshotted: false });
  expect(await cluster.store.metadata.room(ROOM)).toBeNull();
  for (const { documents } of servers) {
    expect(documents.holds(ROOM)).toBe(false);
    expect(documents.journal.lag.bytes).toBe(0);
  }
}

/** Whether a server refuses to open a room that is being deleted; an earlier open is still pending. */
async function isClosed(documents: RoomTable, room: string): Promise<boolean> {
  const refused = documents.open(room).then(
    () => false,
    (error: unknown) => error instanceof DeletedError,
  );
  const waits = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
  return await Promise.race([refused, waits]);
}

describe("deleting a room", () => {
  it("removes it from the stores and all servers, and disconnects only its clients", async () => {
    const servers = [await cluster.open(), await cluster.open(), await cluster.open()] as const;
    const [a, b, c] = servers;
    const clients = await Promise.all([a, b].map((one) => RoomClient.open(one.documents, ROOM)));
    const others = await Promise.all([a, b].map((one) => RoomClient.open(one.documents, OTHER)));
    for (const client of [...clients, ...others]) await client.save("stored ");
    await Promise.all([snapshotted(ROOM), snapshotted(OTHER)]);
    for (const client of [...clients, ...others]) await client.save("journaled ");
    await waitFor(async () => (await cluster.store.metadata.room(ROOM)) !== null, {
      message: "the metadata of the room is written",
    });

    await c.fleet.deleteRoom(ROOM);
    for (const { closed } of clients) expect(closed).toBeInstanceOf(DeletedError);
    for (const { closed } of others) expect(closed).toBeUndefined();
    await expectDeleted(servers);
    await Promise.all(servers.map(({ metadata }) => metadata.close()));
    expect(await cluster.store.metadata.room(ROOM)).toBeNull();
    for (const client of others) await client.save("goes on ");
    await waitFor(async () => (await storedText(OTHER))?.split("goes on ").length === 3, {
      message: "the other room is completely stored",
    });
    expect(await storedText(OTHER)).toContain("stored ");
  });

  it("allows the room to be opened again immediately, as an empty one", async () => {
    const [a, b] = [await cluster.open(), await cluster.open()];
    const before = await RoomClient.open(a.documents, ROOM);
    await before.save("old");
    await snapshotted(ROOM);
    await b.fleet.deleteRoom(ROOM);
    for (const { documents } of [a, b]) {
      const client = await RoomClient.open(documents, ROOM);
      await client.save("new ");
    }
    await snapshotted(ROOM);
    await waitFor(async () => (await storedText(ROOM)) === "new new ", {
      message: "only the new content is stored",
    });
    // Can be repeated, even for a room that never existed.
    await a.fleet.deleteRoom(ROOM);
    await a.fleet.deleteRoom("never there");
    await expectDeleted([a, b]);
  });

  it.each(["append", "write", "truncate"] as const)(
    "waits for a pending %s on another server, so that the content does not reappear",
    async (write) => {
      const gate = new Gate();
      const [a, b] = [await cluster.open(), await cluster.open(behind(gate, write))];
      const client = await RoomClient.open(b.documents, ROOM);
      await client.save("old");
      gate.closed = true;
      client.type("newer");
      await waitFor(() => gate.arrived === 1, { message: "the write is pending" });
      let isDeleted = false;
      const deletion = a.fleet.deleteRoom(ROOM).then(() => {
        isDeleted = true;
      });
      await waitFor(() => client.closed !== undefined, { message: "the client is disconnected" });
      await expect(b.documents.open(ROOM)).rejects.toThrow(DeletedError);
      await expect(a.documents.open(ROOM)).rejects.toThrow(DeletedError);
      // Time for the deletion to continue, if it did not wait.
      for (let i = 0; i < 5; i++) await a.fleet.held([ROOM]);
      expect(await storedText(ROOM)).not.toBeNull();
      expect(isDeleted).toBe(false);
      gate.open();
      await deletion;
      await expectDeleted([a, b]);
      const again = await RoomClient.open(b.documents, ROOM);
      expect(textOf([again.document.log.base.update])).toBe("");
    },
  );

  it("drops a room that is being opened, and the content read so far", async () => {
    const gate = new Gate();
    const a = await cluster.open();
    const b = await cluster.open(behind(gate, "read"));
    const client = await RoomClient.open(a.documents, ROOM);
    await client.save("old");
    client.leave();
    gate.closed = true;
    const opening = expect(b.documents.open(ROOM)).rejects.toThrow(DeletedError);
    await waitFor(() => gate.arrived === 1, { message: "the room is being opened" });
    const deletion = a.fleet.deleteRoom(ROOM);
    await waitFor(() => isClosed(b.documents, ROOM), { message: "the deletion is in progress" });
    gate.open();
    await deletion;
    await opening;
    await expectDeleted([a, b]);
  });

  it("also reaches a server that has joined since and opened the room", async () => {
    const gate = new Gate();
    const a = await cluster.open(behind(gate, "forget"));
    const client = await RoomClient.open(a.documents, ROOM);
    await client.save("old");
    gate.closed = true;
    const deletion = a.fleet.deleteRoom(ROOM);
    await waitFor(() => gate.arrived === 1, { message: "the stores are being cleared" });
    const late = await cluster.open();
    const { documents } = late;
    const another = await RoomClient.open(documents, ROOM);
    gate.open();
    await deletion;
    expect(another.closed).toBeInstanceOf(DeletedError);
    await expectDeleted([a, late]);
  });

  it("deletes nothing while a live server is unreachable", async () => {
    const [a, b] = [await cluster.open(), await cluster.open()];
    const client = await RoomClient.open(a.documents, ROOM);
    await client.save("kept");
    b.http.close();
    b.http.closeAllConnections();
    await expect(a.fleet.deleteRoom(ROOM)).rejects.toThrow(
      new RegExp(`^deleting room "${ROOM}" requires all servers, and 1 failed: `),
    );
    expect(client.closed).toBeUndefined();
    await client.save("still ");
    expect(await storedText(ROOM)).toBe("still kept");
    // Once it is presumed dead, it need not be asked.
    await b.cluster.registry.close();
    await a.fleet.deleteRoom(ROOM);
    await expectDeleted([a]);
  });

  it("fails if a server is still writing after 2500 ms, deletes nothing, and can be repeated", async () => {
    const gate = new Gate();
    const [a, b] = [await cluster.open(), await cluster.open(behind(gate, "append"))];
    const client = await RoomClient.open(b.documents, ROOM);
    await client.save("old");
    gate.closed = true;
    client.type("newer ");
    await waitFor(() => gate.arrived === 1, { message: "a commit is in progress" });
    for (let time = 0; time < 2; time++) {
      const failing = a.fleet.deleteRoom(ROOM);
      await expect(failing).rejects.toThrow(PeerError);
      await expect(failing).rejects.toThrow(/is still writing the room after 2500 ms/);
    }
    expect(await storedText(ROOM)).toBe("old");
    gate.open();
    await a.fleet.deleteRoom(ROOM);
    await expectDeleted([a, b]);
    await RoomClient.open(b.documents, ROOM);
  });

  it("does not prevent an offline client from restoring the content it has", async () => {
    const a = await cluster.open();
    const client = await RoomClient.open(a.documents, ROOM);
    await client.save("offline");
    await a.fleet.deleteRoom(ROOM);
    const back = await RoomClient.open(a.documents, ROOM);
    Y.applyUpdate(back.doc, Y.encodeStateAsUpdate(client.doc));
    await back.save("");
    expect(await storedText(ROOM)).toBe("offline");
  });
});
