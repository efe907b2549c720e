import { PgBouncer, type PgBouncerOptions } from "@symphony/services/pgbouncer";
import { afterAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { SnapshotConflictError, StorageError } from "../../src/storage/errors.ts";
import { openServer } from "../replication/postgres-fixtures.ts";
import { RawClient } from "../support/raw-client.ts";
import { startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { usePostgres } from "./postgres-server.ts";

const postgres = usePostgres({ fsync: false });
const poolers: PgBouncer[] = [];
afterAll(() => Promise.all(poolers.map((pooler) => pooler.stop())));

/** Starts a pooler with few database connections, so that clients share them. */
async function poolerOf(options: PgBouncerOptions): Promise<PgBouncer> {
  const pooler = new PgBouncer(() => postgres.service.url, {
    ...options,
    settings: {
      default_pool_size: options.poolMode === "session" ? "40" : "2",
      ...options.settings,
    },
  });
  poolers.push(pooler);
  await pooler.start();
  return pooler;
}

const MODES: [string, PgBouncerOptions][] = [
  ["in transaction mode", { poolMode: "transaction" }],
  [
    "in transaction mode that ignores options",
    {
      poolMode: "transaction",
      settings: { ignore_startup_parameters: "options,extra_float_digits" },
    },
  ],
  ["in session mode", { poolMode: "session" }],
];

describe.each(MODES)("PgBouncer %s", (_, options) => {
  it("stores what several servers write concurrently, and returns it", async () => {
    const pooler = await poolerOf(options);
    const url = pooler.through(await postgres.createDatabase());
    const stores = await Promise.all([1, 2, 3].map(() => postgres.open(url)));
    await Promise.all(
      stores.map(async ({ journal, metadata }, server) => {
        for (let i = 0; i < 30; i++) {
          const update = Uint8Array.of(server, i);
          await Promise.all([
            journal.append([{ room: "room", update }]),
            metadata.record([{ type: "room-opened", room: `room-${server}-${i}`, at: i }]),
            journal.read("room"),
          ]);
        }
      }),
    );
    const [first] = stores;
    expect((await first?.journal.read("room"))?.rows).toHaveLength(90);
    const query = { sort: "name", descending: false, limit: 100 } as const;
    expect((await first?.metadata.rooms(query))?.total).toBe(90);
  });

  it("stores snapshots, also those that are read in parts", async () => {
    const pooler = await poolerOf(options);
    const { snapshots } = await postgres.open(pooler.through(await postgres.createDatabase()));
    const update = new Uint8Array(3_000_000).map((_, index) => index * 31);
    const first = await snapshots.write("room", Uint8Array.of(1), null);
    const version = await snapshots.write("room", update, first);
    const stale = snapshots.write("room", Uint8Array.of(2), first);
    await expect(stale).rejects.toThrow(SnapshotConflictError);
    const found = await snapshots.read("room");
    expect(found?.version).toBe(version);
    expect(Buffer.compare(found?.update ?? Buffer.of(), update)).toBe(0);
  });

  it("keeps the registry of several servers", async () => {
    const pooler = await poolerOf(options);
    const url = pooler.through(await postgres.createDatabase());
    const addresses = ["a:1", "b:1", "c:1"];
    const registries = await Promise.all(addresses.map((address) => openServer(url, address)));
    try {
      for (const registry of registries) await registry.hold("room");
      const found = await Promise.all(registries.map((registry) => registry.hold("room")));
      for (const [i, { alive, lapsed }] of found.entries()) {
        expect([...alive].sort()).toEqual(addresses.filter((_address, other) => other !== i));
        expect(lapsed).toEqual([]);
      }
      expect([...((await registries[0]?.servers())?.alive ?? [])].sort()).toEqual(addresses);
    } finally {
      await Promise.all(registries.map((registry) => registry.close()));
    }
  });

  it("applies the settings to each transaction, including those in the URL", async () => {
    const pooler = await poolerOf(options);
    const database = await postgres.createDatabase();
    const other = await postgres.connect(database);
    await other.query("CREATE SCHEMA notes");
    // With this setting, acknowledged data would not be on disk.
    const name = new URL(database).pathname.slice(1);
    await other.query(`ALTER DATABASE "${name}" SET synchronous_commit TO off`);
    await other.query(`ALTER DATABASE "${name}" SET bytea_output TO escape`);
    const url = new URL(pooler.through(database));
    url.searchParams.set("options", "-c search_path=notes --lock-timeout=5s");
    const { journal } = await postgres.open(url.href);
    await journal.append([{ room: "room", update: Uint8Array.of(1, 200) }]);
    expect((await journal.read("room")).rows[0]?.update).toEqual(Uint8Array.of(1, 200));
    const { rows } = await other.query("SELECT count(*)::int AS count FROM notes.journal");
    expect(rows).toEqual([{ count: 1 }]);
  });

  it("serves a server that acknowledges all edits, even after losing its connections", async () => {
    const pooler = await poolerOf(options);
    const database = await postgres.createDatabase();
    const server = await startServer({ env: { DATABASE_URL: pooler.through(database) } });
    const rooms = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const client = await RawClient.connect(server.wsUrl, `room-${i}`);
        client.sendStep1();
        await client.first("step2");
        const doc = new Y.Doc();
        doc.on("update", (update: Uint8Array) => client.sendUpdate(update));
        return { client, doc };
      }),
    );
    const other = await postgres.connect(database);
    const write = async (word: string) => {
      for (const { doc } of rooms) doc.getText("text").insert(0, word);
      await waitFor(
        () =>
          rooms.every(({ client }) =>
            client.messages.some(
              (message) => message.type === "update" && Buffer.from(message.update).includes(word),
            ),
          ),
        { message: () => `"${word}" is acknowledged: ${server.tail()}` },
      );
      expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    };
    await write("first");
    // Poolers and databases do this to idle connections, and when they restart.
    await other.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await write("second");
    await write("third");
    expect(await server.stop()).toBe(0);
  });
});

it("rejects statement mode, and says what to do about it", async () => {
  const pooler = await poolerOf({ poolMode: "statement" });
  const opening = postgres.open(pooler.through(await postgres.createDatabase()));
  await expect(opening).rejects.toThrow(StorageError);
  await expect(opening).rejects.toThrow(/does not allow transactions .*pool_mode to transaction/);
});

it("rejects URL options that are not settings", async () => {
  const pooler = await poolerOf({ poolMode: "transaction" });
  const url = new URL(pooler.through(await postgres.createDatabase()));
  url.searchParams.set("options", "-c search_path=notes -E");
  await expect(postgres.open(url.href)).rejects.toThrow(
    /options that are not supported behind a pooler/,
  );
});
