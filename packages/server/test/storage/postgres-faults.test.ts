import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import type { PostgresStore } from "../../src/storage/postgres/open.ts";
import { waitFor } from "../support/wait-for.ts";
import { decodeEntries, type Entry, encodeEntries } from "./crash-entries.ts";
import { usePostgres } from "./postgres-server.ts";

const ROOMS = ["room-0", "room-1", "room-2"];
const KILLS = 4;

const postgres = usePostgres();

describe("PostgreSQL store: kill -9 of the database", () => {
  it("loses no acknowledged row, and keeps no partial append", async () => {
    const url = await postgres.createDatabase();
    const store = await postgres.open(url);
    let acknowledged = 0;
    let failures = 0;
    let stopping = false;
    /** Appends until told to stop, retrying failed appends as a server does. */
    const write = async () => {
      while (!stopping) {
        const rows = rowsOf(acknowledged);
        await waitFor(
          async () => {
            try {
              return await store.journal.append(rows);
            } catch (error) {
              expect(error).toBeInstanceOf(StorageError);
              failures += 1;
              return false;
            }
          },
          { message: "the database accepts rows again" },
        );
        acknowledged += 1;
      }
    };
    const writing = write();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const enough = acknowledged + 30 * kill;
      await waitFor(() => acknowledged > enough, { message: "rows are written" });
      const before = failures;
      await postgres.service.kill();
      await waitFor(() => failures > before, { message: "an append has failed" });
      await postgres.service.start();
    }
    stopping = true;
    await writing;

    const found = new Map<number, Entry[]>();
    for (const room of ROOMS) {
      for (const { update } of (await store.journal.read(room)).rows) {
        for (const entry of decodeEntries(update)) {
          found.set(entry.batch, [...(found.get(entry.batch) ?? []), entry]);
        }
      }
    }
    const batches = Array.from({ length: acknowledged }, (_, batch) => batch);
    expect(batches.filter((batch) => !found.has(batch))).toEqual([]);
    // An append whose response was lost may be stored twice, but never in part.
    const halves = [...found.values()].filter((entries) => entries.length % sizeOf(entries) !== 0);
    expect(halves).toEqual([]);
  });
});

describe("PostgreSQL store: an unresponsive database", () => {
  it("rejects every call within 12 s, and recovers once the database responds again", async () => {
    const store = await postgres.open(await postgres.createDatabase());
    const ids = await store.journal.append(rowsOf(1));
    const calls = () => [
      timed(store.journal.append(rowsOf(2))),
      timed(store.journal.read("room-0")),
      timed(store.journal.truncate("room-1", ids)),
      timed(store.journal.forget("room-2")),
      timed(store.metadata.record([{ type: "room-opened", room: "a", at: 1 }])),
      timed(store.metadata.room("a")),
    ];
    await Promise.all(calls());
    postgres.service.pause();
    try {
      // First on existing connections, then on new ones.
      for (const connections of ["old", "new"]) {
        for (const { error, ms } of await Promise.all(calls())) {
          expect(error, connections).toBeInstanceOf(StorageError);
          expect(error).toHaveProperty("message", expect.stringContaining("did not respond"));
          expect(ms).toBeLessThan(12_000);
        }
      }
    } finally {
      postgres.service.resume();
    }
    for (const { error } of await Promise.all(calls())) expect(error).toBeUndefined();
    expect((await store.metadata.room("a"))?.createdAt).toBe(1);
  });
});

describe("PostgreSQL store: connections", () => {
  it("are replaced after the server has closed them", async () => {
    const url = await postgres.createDatabase();
    const store = await postgres.open(url);
    await use(store);
    const other = await postgres.connect(url);
    for (let round = 0; round < 3; round += 1) {
      await terminateOthers();
      await waitFor(() => isUsable(store), { message: "the store has opened new connections" });
    }

    async function terminateOthers(): Promise<void> {
      await waitFor(async () => (await other.query(TERMINATE)).rowCount === 0, {
        message: "no connection is left",
      });
    }
  });

  it("reject and undo a transaction that the server terminates midway", async () => {
    const url = await postgres.createDatabase();
    const store = await postgres.open(url);
    await store.metadata.record([{ type: "room-opened", room: "b", at: 1 }]);
    const other = await postgres.connect(url);
    await other.query("BEGIN");
    await other.query("SELECT FROM rooms WHERE name = 'b' FOR UPDATE");
    const recording = timed(
      store.metadata.record([
        { type: "room-opened", room: "a", at: 2 },
        { type: "room-saved", room: "b", at: 2, bytes: 2 },
      ]),
    );
    await waitFor(async () => (await other.query(TERMINATE_WAITING)).rowCount === 1, {
      message: "the transaction is waiting for the row",
    });
    expect((await recording).error).toBeInstanceOf(StorageError);
    await other.query("COMMIT");
    expect(await store.metadata.room("a")).toBeNull();
    await store.metadata.record([{ type: "room-saved", room: "b", at: 3, bytes: 3 }]);
    expect((await store.metadata.room("b"))?.bytes).toBe(3);
  });

  it("are reported if there are too many, and work again once there are fewer", async () => {
    const admin = await postgres.connect(postgres.service.url);
    await admin.query("CREATE ROLE limited LOGIN");
    const url = await postgres.createDatabase();
    const { pathname, host } = new URL(url);
    await admin.query(`ALTER DATABASE "${pathname.slice(1)}" OWNER TO limited`);
    const own = `postgres://limited@${host}${pathname}`;
    const store = await postgres.open(own);
    await admin.query("ALTER ROLE limited CONNECTION LIMIT 0");
    const appending = store.journal.append(rowsOf(1));
    await expect(appending).rejects.toThrow(StorageError);
    await expect(appending).rejects.toThrow(/too many connections .* max_connections/);
    await admin.query("ALTER ROLE limited CONNECTION LIMIT -1");
    await use(store);
  });
});

const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;
const TERMINATE_WAITING = `${TERMINATE} AND wait_event_type = 'Lock'`;

/** Returns the rows of an append, identifiable by their content. */
function rowsOf(batch: number): { room: string; update: Uint8Array }[] {
  const size = 1 + (batch % 8);
  return Array.from({ length: size }, (_, index) => ({
    room: ROOMS[(batch + index) % ROOMS.length] ?? "",
    update: encodeEntries([{ batch, index, size }]),
  }));
}

function sizeOf([entry]: readonly Entry[]): number {
  return entry?.size ?? 0;
}

async function use({ journal, metadata }: PostgresStore): Promise<void> {
  const ids = await journal.append(rowsOf(1));
  await journal.truncate("room-1", ids);
  await Promise.all(ROOMS.map((room) => journal.read(room)));
  await metadata.record([{ type: "room-opened", room: "a", at: 1 }]);
}

async function isUsable(store: PostgresStore): Promise<boolean> {
  const { error } = await timed(use(store));
  return error === undefined;
}

/** Resolves to a call's error, if any, and its duration in milliseconds. */
async function timed(call: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const start = performance.now();
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, ms: performance.now() - start };
}
