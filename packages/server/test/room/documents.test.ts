import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import * as Y from "yjs";
import { MetadataWriter } from "../../src/metadata/metadata-writer.ts";
import { alone } from "../../src/replication/cluster.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import { RoomTable } from "../../src/room/room-table.ts";
import { observe } from "../../src/server/observe.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { waitFor } from "../support/wait-for.ts";
import { withOverrides } from "../support/wrap-part.ts";

const ROOM = "room";
const logger = pino({ level: "silent" });
const releases: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

/** Blocks callers until it is opened. */
class Gate {
  arrived = 0;
  open: () => void = () => {};
  readonly #opened: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });

  async pass(): Promise<void> {
    this.arrived++;
    await this.#opened;
  }
}

/** Opens rooms in a real store. Writing a snapshot and leaving the registry wait for the test. */
async function slowDocuments() {
  const directory = await mkdtemp(join(tmpdir(), "symphony-documents-"));
  releases.push(() => rm(directory, { recursive: true }));
  const store = await openSqliteStore(directory, logger);
  releases.push(() => store.close());
  const { snapshots, journal } = store;
  const storing = new Gate();
  const leaving = new Gate();
  const registered: string[] = [];
  const cluster = alone("127.0.0.1:1");
  const metadata = new MetadataWriter(store.metadata, logger);
  releases.push(() => metadata.close());
  const documents = new RoomTable({
    stores: {
      journal,
      snapshots: withOverrides(snapshots, {
        write: async (...args) => {
          await storing.pass();
          return snapshots.write(...args);
        },
      }),
    },
    cluster: {
      ...cluster,
      registry: {
        ...cluster.registry,
        hold: async () => {
          registered.push("hold");
          return { alive: [], lapsed: [] };
        },
        release: async () => {
          await leaving.pass();
          registered.push("release");
        },
      },
    },
    observer: observe({ metadata }),
    logger,
    snapshotInterval: 60_000,
    unloadDelay: 0,
    collect: true,
  });
  releases.push(() => documents.close(AbortSignal.timeout(5_000)));
  return { documents, storing, leaving, registered };
}

it("unloads a document once, however often it is opened while being saved", async () => {
  const { documents, storing, leaving, registered } = await slowDocuments();
  const session = await documents.open(ROOM);
  const { room: document } = session;
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "hello");
  document.submit(Y.encodeStateAsUpdate(doc), UNKNOWN);
  session[Symbol.dispose]();
  await waitFor(() => storing.arrived === 1, { message: "the document is being saved" });
  for (let i = 0; i < 3; i++) {
    const again = await documents.open(ROOM);
    expect(again.room).toBe(document);
    again[Symbol.dispose]();
    // Each release starts to unload it, in a separate task.
    await new Promise((resolve) => setTimeout(resolve));
  }
  storing.open();
  await waitFor(() => leaving.arrived > 0, { message: "the document is being unloaded" });

  const again = Promise.all([documents.open(ROOM), documents.open(ROOM)]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(registered).toEqual(["hold"]);
  leaving.open();
  const [one, other] = (await again).map(({ room }) => room);
  expect(one).toBe(other);
  expect(one).not.toBe(document);
  expect(registered).toEqual(["hold", "release", "hold"]);
  expect(one?.log.bytes).toBeGreaterThan(0);
});

it("does not unload a successor when a session of the deleted document ends", async () => {
  const { documents, storing, leaving } = await slowDocuments();
  storing.open();
  leaving.open();
  const deleted = await documents.open(ROOM);
  await documents.drop(ROOM);
  documents.reopen(ROOM);
  const session = await documents.open(ROOM);
  const { room: document } = session;
  deleted[Symbol.dispose]();
  // Anything that this started is over once another room has been unloaded.
  (await documents.open("another room"))[Symbol.dispose]();
  await waitFor(() => !documents.holds("another room"), {
    message: "the other room has been unloaded",
  });
  expect((await documents.open(ROOM)).room).toBe(document);
});
