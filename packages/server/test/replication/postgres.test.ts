import { freePort } from "@symphony/services/free-ports";
import { describe, expect, it } from "vitest";
import { registrySuite } from "../../src/conformance/registry-suite.ts";
import { LEASE_MS } from "../../src/conformance/test-registry.ts";
import { type Registry, RegistryError } from "../../src/replication/registry.ts";
import { usePostgres } from "../storage/postgres-server.ts";
import { waitFor } from "../support/wait-for.ts";
import { NEVER_MS, openServer, useServers } from "./postgres-fixtures.ts";
import { RegistryProcesses } from "./registry-process.ts";

const postgres = usePostgres({ fsync: false });

registrySuite("PostgreSQL", async () => {
  const url = await postgres.createDatabase();
  const processes = new RegistryProcesses({ kind: "postgres", url });
  return {
    service: postgres.service,
    open: (address, incarnation) => openServer(url, address, incarnation),
    spawn: (address, incarnation) => processes.spawn(address, incarnation),
    discard: () => processes.discard(),
  };
});

describe("the lease of a server in PostgreSQL", () => {
  const servers = useServers(postgres);

  it("is reacquired after it has been deleted", async () => {
    const rejoined = countRejoined(await servers.open("a:1"));
    await servers.database.query("DELETE FROM symphony_servers");
    await waitFor(() => rejoined() === 1, { message: "the server has rejoined" });
  });

  it("is reacquired before a room is held if it has expired", async () => {
    const late = await servers.open("late:1", 1, NEVER_MS);
    const other = await servers.open("other:1");
    const rejoined = countRejoined(late);
    await waitFor(async () => (await other.lapsed(["late:1"])).length > 0, {
      message: "the lease has expired",
    });
    await waitFor(() => late.problem === "the lease has expired", {
      message: "the server has noticed that its lease has expired",
    });
    await late.hold("room");
    expect(late.problem).toBeUndefined();
    expect(rejoined()).toBe(1);
    expect(await other.hold("room")).toEqual({ alive: ["late:1"], lapsed: [] });
  });

  it("is judged by the clock of the database, whatever its server believes", async () => {
    const [a, b] = [await servers.open("a:1"), await servers.open("b:1", 1, NEVER_MS)];
    const rejoined = countRejoined(a);
    const end = "UPDATE symphony_servers SET lease_end = now() + $1 * interval '1 hour'";
    await servers.database.query(`${end} WHERE address = 'b:1'`, [1]);
    await waitFor(() => b.lease === "lapsed", { message: "b believes that its lease has expired" });
    expect(await a.lapsed(["b:1"])).toEqual([]);
    await servers.database.query(`${end} WHERE address = 'a:1'`, [-1]);
    expect(a.lease).toBe("held");
    await waitFor(() => rejoined() === 1, { message: "a has learned that its lease had expired" });
  });

  it("is kept by a server's successor when the server closes late", async () => {
    const old = await servers.open("a:1", 1, NEVER_MS);
    const other = await servers.open("other:1");
    await waitFor(async () => (await other.lapsed(["a:1"])).length > 0, {
      message: "the lease has expired",
    });
    const successor = await servers.open("a:1", 2, NEVER_MS);
    await old.close();
    expect((await other.servers()).alive).toContain("a:1");
    await successor.close();
    expect(await other.servers()).toEqual({ alive: ["other:1"], lapsed: [] });
  });

  it("survives a failed renewal, but the server judges no others for a lease period", async () => {
    const registry = await servers.open("a:1");
    const rejoined = countRejoined(registry);
    expect(await registry.lapsed(["unknown:1"])).toEqual(["unknown:1"]);
    const failed = performance.now();
    // The renewal that waits for the row fails with its connection.
    await servers.database.query("BEGIN");
    await servers.database.query("SELECT FROM symphony_servers FOR UPDATE");
    await waitFor(async () => (await servers.observer.query(TERMINATE_WAITING)).rowCount === 1, {
      message: "a renewal has failed",
    });
    await waitFor(() => registry.problem !== undefined, { message: "the failure is reported" });
    await servers.database.query("UPDATE symphony_servers SET lease_end = now() + interval '1 h'");
    await servers.database.query("COMMIT");
    expect(await registry.lapsed(["unknown:1"])).toEqual([]);
    await waitFor(() => registry.problem === undefined, {
      message: "the next renewal has succeeded",
    });
    await waitFor(async () => (await registry.lapsed(["unknown:1"])).length > 0, {
      message: "the server judges others again",
    });
    expect(performance.now() - failed).toBeGreaterThanOrEqual(LEASE_MS);
    expect(rejoined()).toBeLessThanOrEqual(1);
  });
});

describe("the tables of the registry in PostgreSQL", () => {
  const servers = useServers(postgres);

  it("are created by the first server, however many start at once", async () => {
    const addresses = Array.from({ length: 5 }, (_, index) => `server-${index}:1`);
    const [first] = await Promise.all(addresses.map((address) => servers.open(address)));
    expect([...((await first?.servers())?.alive ?? [])].sort()).toEqual(addresses);
  });

  it("must be reachable when a server starts", async () => {
    const port = await freePort();
    const opening = openServer(`postgres://user:s3cret@127.0.0.1:${port}/notes`, "a:1");
    await expect(opening).rejects.toThrow(RegistryError);
    await expect(opening).rejects.toThrow(`"notes" at 127.0.0.1:${port}: connect ECONNREFUSED`);
    await expect(opening).rejects.not.toThrow("s3cret");
  });

  it("keep no rows of rooms that no server holds, nor of closed servers", async () => {
    const open = await Promise.all(["a:1", "b:1", "c:1"].map((address) => servers.open(address)));
    const rooms = Array.from({ length: 20 }, (_, index) => `room-${index}`);
    const each = async (method: "hold" | "release") => {
      await Promise.all(rooms.flatMap((room) => open.map((server) => server[method](room))));
    };
    await each("hold");
    expect(await count("symphony_holders")).toBe(60);
    await each("release");
    expect(await count("symphony_holders")).toBe(0);
    await Promise.all(open.map((server) => server.close()));
    expect(await count("symphony_servers")).toBe(0);
  });

  it("forget servers that died long ago with their rooms, and list them again when they return", async () => {
    const [a, b] = [await servers.open("a:1"), await servers.open("b:1", 1, NEVER_MS)];
    await b.hold("room");
    await lapsedSince("b:1", 50);
    expect(await a.servers()).toEqual({ alive: ["a:1"], lapsed: ["b:1"] });
    await lapsedSince("b:1", 61);
    expect(await a.servers()).toEqual({ alive: ["a:1"], lapsed: [] });
    expect(await count("symphony_holders")).toBe(0);
    await a.servers();
    expect(await count("symphony_servers")).toBe(1);
    await waitFor(() => b.lease === "lapsed", {
      message: "the server has noticed that its lease has expired",
    });
    await b.hold("room");
    expect([...(await a.servers()).alive].sort()).toEqual(["a:1", "b:1"]);
    expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
  });

  it("keep the row of a server that registers again while another one removes it", async () => {
    const [a, b] = [await servers.open("a:1"), await servers.open("b:1", 1, NEVER_MS)];
    await b.hold("room");
    await waitFor(async () => (await a.lapsed(["b:1"])).length > 0, {
      message: "the lease has expired",
    });
    // Whoever writes the row waits; the removal has decided that the server is dead by then.
    await servers.database.query("BEGIN");
    await servers.database.query("SELECT FROM symphony_holders FOR UPDATE");
    const removing = a.hold("room");
    await isWaiting(1);
    const returning = b.hold("room");
    await isWaiting(2);
    await servers.database.query("COMMIT");
    await Promise.all([removing, returning]);
    expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
  });

  it("do not keep the lease from being renewed while all connections for rooms wait", async () => {
    const a = await servers.open("a:1");
    await servers.database.query("BEGIN");
    await servers.database.query("LOCK TABLE symphony_holders");
    const holding = Array.from({ length: 10 }, (_, index) => a.hold(`room-${index}`));
    await isWaiting(4);
    const before = await renewals();
    await waitFor(async () => (await renewals()) > before + 1, { message: "the lease is renewed" });
    await servers.database.query("COMMIT");
    await Promise.all(holding);
    expect(a.problem).toBeUndefined();
  });

  async function count(table: string): Promise<number> {
    const { rows } = await servers.database.query(`SELECT count(*)::int AS count FROM ${table}`);
    return rows[0]?.count;
  }

  async function renewals(): Promise<number> {
    const { rows } = await servers.database.query(
      "SELECT renewals::int AS renewals FROM symphony_servers",
    );
    return rows[0]?.renewals;
  }

  async function lapsedSince(server: string, minutes: number): Promise<void> {
    await servers.database.query(
      "UPDATE symphony_servers SET lease_end = now() - $2 * interval '1 min' WHERE address = $1",
      [server, minutes],
    );
  }

  /** Waits until this many sessions wait for a lock. */
  async function isWaiting(sessions: number): Promise<void> {
    await waitFor(async () => (await servers.observer.query(WAITING)).rowCount === sessions, {
      message: `${sessions} sessions wait for a lock`,
    });
  }
});

const WAITING = `
  SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`;
const TERMINATE_WAITING = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`;

function countRejoined(registry: Registry): () => number {
  let count = 0;
  registry.onRejoined(() => {
    count += 1;
  });
  return () => count;
}
