import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import type { MetadataEvent } from "../../src/storage/metadata.ts";
import { usePostgres } from "./postgres-server.ts";

const postgres = usePostgres({ fsync: false });
const ROOMS = Array.from({ length: 40 }, (_, index) => `room-${index}`);

describe("PostgreSQL metadata: many servers", () => {
  it("does not deadlock when servers record the same rooms in opposite orders", async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => postgres.open(url)));
    await Promise.all(
      stores.map(async ({ metadata }, server) => {
        for (let round = 0; round < 25; round += 1) {
          const at = 100 * round + server;
          // Alternate servers go through the rooms in opposite orders.
          const rooms = server % 2 === 0 ? ROOMS : ROOMS.toReversed();
          await metadata.record(
            rooms.flatMap((room): MetadataEvent[] => [
              { type: "room-opened", room, at },
              { type: "room-saved", room, at, bytes: at },
              ...(round % 5 === 4 ? [{ type: "room-deleted" as const, room }] : []),
            ]),
          );
        }
      }),
    );
    const other = await postgres.connect(url);
    const { rows } = await other.query(
      "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(rows).toEqual([{ deadlocks: "0" }]);
  });

  it("deletes each connection once when several servers delete concurrently", async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => postgres.open(url)));
    const other = await postgres.connect(url);
    await other.query(`INSERT INTO connections
      SELECT 'connection-' || md5(i::text), 'a', 's', i, i FROM generate_series(1, 10000) AS i`);
    const counts = await Promise.all(
      stores.map(({ metadata }) => metadata.forgetConnections(9_001)),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(9_000);
    expect((await other.query("SELECT FROM connections")).rowCount).toBe(1_000);
  });

  it("aggregates activity on several servers concurrently while they record it", async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => postgres.open(url)));
    const hour = 3_600_000;
    for (let minute = 0; minute < 5 * hour; minute += 600_000) {
      await Promise.all(
        stores.map(async ({ metadata }, index) => {
          const figures = { connections: 10, rooms: 2, connects: 1 };
          await metadata.recordActivity({ server: `server:${index}`, minute, ...figures });
          await metadata.rollUpActivity(minute);
        }),
      );
    }
    await Promise.all(stores.map(({ metadata }) => metadata.rollUpActivity(9 * hour)));
    await Promise.all(stores.map(({ metadata }) => metadata.rollUpActivity(99 * hour)));
    const points = await stores[0]?.metadata.activity({ from: 0, to: 5 * hour, bucket: hour });
    const figures = { connections: 40, rooms: 8, connects: 24 };
    expect(points).toEqual([0, 1, 2, 3, 4].map((index) => ({ at: index * hour, ...figures })));
    const other = await postgres.connect(url);
    expect((await other.query("SELECT FROM activity_by_server")).rowCount).toBe(0);
    const { rows } = await other.query(
      "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(rows).toEqual([{ deadlocks: "0" }]);
  });

  it("records all events or none, and leaves no transaction open", async () => {
    const url = await postgres.createDatabase();
    const { metadata } = await postgres.open(url);
    const opened = (room: string): MetadataEvent => ({ type: "room-opened", room, at: 1 });
    // PostgreSQL text cannot contain this character; the server rejects such room names.
    await expect(metadata.record([opened("a"), opened("b\0")])).rejects.toThrow(StorageError);
    expect(await metadata.room("a")).toBeNull();
    await metadata.record([opened("a"), opened("c")]);
    const other = await postgres.connect(url);
    const open = "SELECT FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    expect((await other.query(open)).rowCount).toBe(0);
  });
});
