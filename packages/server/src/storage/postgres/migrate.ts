import { Kysely, type RawBuilder, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { Logger } from "pino";
import { metadataMigrations } from "../sql/metadata-schema.ts";
import { asMigrationError } from "../sql/sql-errors.ts";
import { Connections } from "./connections.ts";
import type { Database } from "./database.ts";
import { ConnectionsDialect } from "./dialect.ts";

const PURPOSE = "create or update the tables";
const TABLE = "symphony_migrations";
/**
 * The lock that Kysely's migrator takes for a session by default, so older servers are excluded
 * too.
 */
const LOCK = 3853314791062309107n;
/** A server may have to wait for another one that is migrating large tables. */
const STATEMENT_MS = 60_000;

/** Text that is compared by its bytes, regardless of the collation of the database. */
const TEXT: RawBuilder<unknown> = sql`text COLLATE "C"`;

/**
 * The tables of the journal. Migrations run in the order of their names; never change one that has
 * been released.
 */
const journalMigrations: Readonly<Record<string, Migration>> = {
  "0001-journal": {
    up: async (db) => {
      await db.schema
        .createTable("journal")
        .addColumn("id", "bigint", (column) => column.primaryKey().generatedAlwaysAsIdentity())
        .addColumn("room", TEXT, (column) => column.notNull())
        .addColumn("checksum", "bigint", (column) => column.notNull())
        .addColumn("content", "bytea", (column) => column.notNull())
        .execute();
      // Rows live for seconds: compressing them would cost more than it saves.
      await sql`ALTER TABLE journal ALTER COLUMN content SET STORAGE EXTERNAL`.execute(db);
      await db.schema.createIndex("journal_room").on("journal").columns(["room", "id"]).execute();
      await db.schema
        .createTable("snapshotted_rooms")
        .addColumn("room", TEXT, (column) => column.primaryKey())
        .execute();
    },
  },
};

/**
 * The tables of clusters: the registry, which replication/postgres/ uses, and the snapshots of clusters without
 * S3. Other servers create them too, and leave them empty. Their names have a prefix, because a database may be
 * shared with an application that was there first.
 */
const clusterMigrations: Readonly<Record<string, Migration>> = {
  "0001-registry": {
    up: async (db) => {
      await db.schema
        .createTable("symphony_servers")
        .addColumn("address", TEXT, (column) => column.primaryKey())
        .addColumn("lease_end", "timestamptz", (column) => column.notNull())
        .addColumn("incarnation", "bigint", (column) => column.notNull())
        .addColumn("renewals", "bigint", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("symphony_holders")
        .addColumn("room", TEXT, (column) => column.notNull())
        .addColumn("server", TEXT, (column) => column.notNull())
        .addColumn("mark", "uuid", (column) => column.notNull())
        .addPrimaryKeyConstraint("symphony_holders_key", ["room", "server"])
        .execute();
      await db.schema
        .createIndex("symphony_holders_server")
        .on("symphony_holders")
        .column("server")
        .execute();
    },
  },
  "0002-snapshots": {
    up: async (db) => {
      await db.schema
        .createTable("symphony_snapshots")
        .addColumn("room", TEXT, (column) => column.primaryKey())
        .addColumn("version", TEXT, (column) => column.notNull())
        .addColumn("checksum", "bigint", (column) => column.notNull())
        .addColumn("content", "bytea", (column) => column.notNull())
        .execute();
      // Only what is not compressed can be read in parts.
      await sql`ALTER TABLE symphony_snapshots ALTER COLUMN content SET STORAGE EXTERNAL`.execute(
        db,
      );
    },
  },
};

const migrations: Readonly<Record<string, Migration>> = {
  ...named("cluster", clusterMigrations),
  ...named("journal", journalMigrations),
  ...named("metadata", metadataMigrations(TEXT)),
};

/**
 * Creates the tables, or brings them up to date. Any number of servers may do this at the same
 * time: a transaction-level lock serializes them, also behind a pooler.
 *
 * @throws StorageError; nothing was changed
 */
export async function migrate(database: Database, logger: Pick<Logger, "debug">): Promise<void> {
  const connections = new Connections({
    database,
    most: 1,
    statementTimeout: STATEMENT_MS,
    logger,
  });
  const db = new Kysely<unknown>({ dialect: new ConnectionsDialect(connections, PURPOSE) });
  try {
    await requireUnicode(db);
    await db.transaction().execute(async (transaction) => {
      await sql`SELECT pg_advisory_xact_lock(${sql.lit(LOCK)})`.execute(transaction);
      const migrator = new Migrator({
        db: transaction,
        provider: { getMigrations: async () => migrations },
        migrationTableName: TABLE,
        migrationLockTableName: `${TABLE}_lock`,
        // Each of the parts is ordered, and none depends on another.
        allowUnorderedMigrations: true,
      });
      const { error } = await migrator.migrateToLatest();
      if (error !== undefined) throw error;
    });
  } catch (error) {
    throw connections.explained(PURPOSE, asMigrationError(error));
  } finally {
    await db.destroy();
  }
}

function named(part: string, own: Readonly<Record<string, Migration>>): Record<string, Migration> {
  return Object.fromEntries(Object.entries(own).map(([name, one]) => [`${part}-${name}`, one]));
}

/** Room names can contain any character; a database that cannot store some would fail later. */
async function requireUnicode(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`SHOW server_encoding`.execute(db);
  const encoding = rows[0]?.server_encoding;
  if (encoding === "UTF8") return;
  throw new Error(`its encoding is ${encoding}. Recreate it with the encoding UTF8`);
}
