import { fork } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { freePort } from "@symphony/services/free-ports";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import { usePostgres } from "./postgres-server.ts";

const postgres = usePostgres({ fsync: false });

describe("PostgreSQL store: opening", () => {
  it("creates the tables once when many servers start concurrently", async () => {
    const url = await postgres.createDatabase();
    const [stores, codes] = await Promise.all([
      Promise.all(Array.from({ length: 10 }, () => postgres.open(url))),
      Promise.all([openInProcess(url), openInProcess(url), openInProcess(url)]),
    ]);
    expect(codes).toEqual([0, 0, 0]);
    const other = await postgres.connect(url);
    const { rows } = await other.query("SELECT name FROM symphony_migrations ORDER BY name");
    expect(rows.map(({ name }) => name)).toEqual([
      "cluster-0001-registry",
      "cluster-0002-snapshots",
      "journal-0001-journal",
      "metadata-0001-rooms-and-connections",
      "metadata-0002-when-connections-ended",
      "metadata-0003-lists-and-activity",
      "metadata-0004-outbox",
      "metadata-0010-admin-sessions",
      "metadata-0011-tombstones",
    ]);
    await Promise.all(
      stores.map(({ journal }) => journal.append([{ room: "a", update: Uint8Array.of(1) }])),
    );
    expect((await stores[0]?.journal.read("a"))?.rows).toHaveLength(10);
  });

  it("does not change how other code in this process reads the database", async () => {
    const url = await postgres.createDatabase();
    await postgres.open(url);
    const other = await postgres.connect(url);
    const { rows } = await other.query("SELECT 1::bigint AS number, '\\x01'::bytea AS bytes");
    expect(rows).toEqual([{ number: "1", bytes: Buffer.of(1) }]);
  });

  it("can be closed more than once", async () => {
    const store = await postgres.open(await postgres.createDatabase());
    await store.journal.close();
    await Promise.all([store.close(), store.close()]);
    await store.close();
  });

  it("reports which database is unreachable, without the password", async () => {
    const port = await freePort();
    const error = await failureOf(`postgres://user:s3cret@127.0.0.1:${port}/notes`);
    expect(error.message).toContain(`"notes" at 127.0.0.1:${port}: connect ECONNREFUSED`);
    expect(error.message).toContain("Check that it is running");
    expect(error.message).not.toContain("\n");
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("s3cret");
  });

  it("reports an unknown host or a missing database", async () => {
    expect((await failureOf("postgres://host.invalid/notes")).message).toMatch(
      /"notes" at host\.invalid:5432: getaddrinfo \w+ host\.invalid/,
    );
    expect((await failureOf(`${postgres.service.url}-not-there`)).message).toMatch(
      /database "postgres-not-there" does not exist\. Create it/,
    );
  });

  it("rejects a database that cannot store every character", async () => {
    const admin = await postgres.connect(postgres.service.url);
    await admin.query(
      "CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE_PROVIDER libc LOCALE 'C'",
    );
    const error = await failureOf(new URL("/latin", postgres.service.url).href);
    expect(error.message).toContain("its encoding is LATIN1");
  });

  it("rejects a read-only database", async () => {
    const url = await postgres.createDatabase();
    await (await postgres.open(url)).close();
    const admin = await postgres.connect(postgres.service.url);
    const name = new URL(url).pathname.slice(1);
    await admin.query(`ALTER DATABASE "${name}" SET default_transaction_read_only TO on`);
    expect((await failureOf(url)).message).toMatch(/is read-only: default_transaction_read_only/);
  });

  it("rejects a replica, even one that has the tables", async () => {
    const url = await postgres.createDatabase();
    await (await postgres.open(url)).close();
    const { directory } = postgres.service;
    await postgres.service.kill();
    await writeFile(join(directory, "standby.signal"), "");
    await postgres.service.start();
    try {
      expect((await failureOf(url)).message).toMatch(/is a replica, .* Name the primary/);
    } finally {
      await postgres.service.kill();
      await rm(join(directory, "standby.signal"));
      await postgres.service.start();
    }
    await postgres.open(url);
  });

  it("rejects tables created by a newer version", async () => {
    const url = await postgres.createDatabase();
    await (await postgres.open(url)).close();
    const other = await postgres.connect(url);
    await other.query(
      "INSERT INTO symphony_migrations VALUES ('journal-0002-more', '2026-01-01T00:00:00.000Z')",
    );
    expect((await failureOf(url)).message).toMatch(
      /created by a newer version of this program, with the migration journal-0002-more; run that version/,
    );
  });

  it.each([
    ["sslmode=requrie", "sslmode=requrie: it must be one of disable, "],
    ["sslmod=require", "a parameter sslmod; did you mean sslmode?"],
    ["option=-csearch_path%3Dx", "a parameter option; did you mean options?"],
  ])("rejects ?%s, which would be ignored", async (query, reason) => {
    const error = await failureOf(`${await postgres.createDatabase()}?${query}`);
    expect(error.message).toContain(reason);
  });

  it("leaves nothing behind if a table cannot be created", async () => {
    const url = await postgres.createDatabase();
    const other = await postgres.connect(url);
    await other.query("CREATE TABLE connections (something_else text)");
    const error = await failureOf(url);
    expect(error.message).toContain("create or update the tables");
    const { rows } = await other.query("SELECT to_regclass('journal') AS journal");
    expect(rows).toEqual([{ journal: null }]);
    await other.query("DROP TABLE connections");
    await postgres.open(url);
  });
});

async function failureOf(url: string): Promise<StorageError> {
  try {
    await postgres.open(url);
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    if (error instanceof StorageError) return error;
  }
  throw new Error("The store opened instead of failing.");
}

/** @returns the exit code of the process */
async function openInProcess(url: string): Promise<unknown> {
  const program = fileURLToPath(new URL("./postgres-open-child.ts", import.meta.url));
  const [code] = await once(fork(program, [url], { execArgv: [] }), "exit");
  return code;
}
