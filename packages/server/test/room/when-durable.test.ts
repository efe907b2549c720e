import { afterEach, beforeEach, expect, it } from "vitest";
import { DeletedError } from "../../src/room/deleted-rooms.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { type Measured, measuredDocuments } from "../metrics/measured-documents.ts";
import { RoomClient } from "../replication/room-client.ts";
import { withOverrides } from "../support/wrap-part.ts";

const ROOM = "room";
let measured: Measured;
let commits: (() => void)[] = [];
let failing = false;

/** Rooms whose commits happen when the test triggers them. */
beforeEach(async () => {
  commits = [];
  failing = false;
  measured = await measuredDocuments(({ journal, snapshots }) => ({
    journal: withOverrides(journal, {
      append: async (rows) => {
        await new Promise<void>((resolve) => commits.push(resolve));
        if (failing) throw new StorageError("the disk is full");
        return journal.append(rows);
      },
    }),
    snapshots,
  }));
});
afterEach(async () => {
  const committing = setInterval(commit, 1);
  await measured.close();
  clearInterval(committing);
});

function commit(): void {
  for (const one of commits.splice(0)) one();
}

async function nextCommit(): Promise<void> {
  while (commits.length === 0) await new Promise((resolve) => setImmediate(resolve));
}

it("resolves when an update is durable, and no sooner", async () => {
  const { documents } = measured;
  const client = await RoomClient.open(documents, ROOM);
  await documents.whenDurable(client.document, client.document.log.end);
  const states: string[] = [];
  const wait = (name: string) =>
    documents.whenDurable(client.document, client.type(name)).then(() => states.push(name));
  const first = wait("first");
  await nextCommit();
  const second = wait("second");
  failing = true;
  commit();
  await nextCommit();
  expect(states).toEqual([]);
  failing = false;
  commit();
  await Promise.all([first, second]);
  expect(states).toEqual(["first", "second"]);
  expect(documents.journal.lag.bytes).toBe(0);
});

it("rejects when the room is deleted, without writing its pending updates", async () => {
  const { documents } = measured;
  const client = await RoomClient.open(documents, ROOM);
  const other = await RoomClient.open(documents, "other");
  const durable = documents.whenDurable(client.document, client.type("lost"));
  await nextCommit();
  const elsewhere = documents.whenDurable(other.document, other.type("kept"));
  const rejected = expect(durable).rejects.toThrow(DeletedError);
  failing = true;
  const dropped = documents.drop(ROOM);
  await rejected;
  commit();
  await dropped;
  // A caller that starts waiting only now does not wait forever.
  const late = documents.whenDurable(client.document, client.document.log.end);
  await expect(late).rejects.toThrow(StorageError);
  failing = false;
  await nextCommit();
  commit();
  await elsewhere;
  expect(documents.journal.lag.bytes).toBe(0);
  expect((await measured.stores.journal.read(ROOM)).rows).toEqual([]);
  expect((await measured.stores.journal.read("other")).rows).toHaveLength(1);
});

it("rejects when the server closes first, and for all later calls", async () => {
  const { documents } = measured;
  const client = await RoomClient.open(documents, ROOM);
  const durable = documents.whenDurable(client.document, client.type("late"));
  const rejected = expect(durable).rejects.toThrow(StorageError);
  await nextCommit();
  await documents.close(AbortSignal.timeout(50));
  await rejected;
  await expect(documents.whenDurable(client.document, 1)).rejects.toThrow(StorageError);
});
