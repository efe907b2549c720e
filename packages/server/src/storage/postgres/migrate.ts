import { Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { Logger } from "pino";
import { metadataMigrations } from "../sql/metadata-schema.ts";
import { asMigrationError } from "../sql/sql-errors.ts";
import { Connections } from "./connections.ts";
import type { Database } from "./database.ts";
import { ConnectionsDialect } from "./dialect.ts";
import { journalMigrations, TEXT } from "./journal-schema.ts";

const PURPOSE = "create or update the tables";
const TABLE = "symphony_migrations";
/** The lock that the migrator takes for a session by itself, so that older servers are kept out too. */
const LOCK = 3853314791062309107n;
/** A server may wait for another one that changes large tables. */
const STATEMENT_MS = 60_000;

/**
 * Creates the tables, or brings them up to date. Any number of servers may do this at the same time:
 * a lock that ends with the transaction keeps them apart, also behind a pooler.
 *
 * @throws StorageError; nothing was changed then
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
        // Each of the two parts has an order, and none depends on the other.
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

const migrations: Readonly<Record<string, Migration>> = {
  ...named("journal", journalMigrations),
  ...named("metadata", metadataMigrations(TEXT)),
};

function named(part: string, own: Readonly<Record<string, Migration>>): Record<string, Migration> {
  return Object.fromEntries(Object.entries(own).map(([name, one]) => [`${part}-${name}`, one]));
}

/** Room names hold any character; a database that cannot store some of them would fail later. */
async function requireUnicode(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`SHOW server_encoding`.execute(db);
  const encoding = rows[0]?.server_encoding;
  if (encoding === "UTF8") return;
  throw new Error(`its encoding is ${encoding}. Create it anew with the encoding UTF8`);
}
