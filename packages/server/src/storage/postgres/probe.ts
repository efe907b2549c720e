import { Client, type QueryResult } from "pg";
import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../errors.ts";
import { CONNECT_MS, type Database, explained, STATEMENT_MS } from "./database.ts";

const PURPOSE = "use it";

interface Seen {
  readonly pid: number;
  readonly replica: boolean;
  readonly readonly: string;
}

/**
 * Checks what the URL leads to before anything relies on it.
 *
 * A pooler, such as PgBouncer, lends a database session to a client for one transaction at a time:
 * session state is lost between statements, and session settings never reach the database. A pooler
 * can be detected because it reports a process id other than that of the database process.
 *
 * @throws StorageError if the database is unreachable or cannot be written to
 */
export async function probeDatabase(database: Database): Promise<Database> {
  const client = new Client({
    connectionString: urlWithoutOptions(database.url),
    fallback_application_name: "symphony-backend",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
  });
  // An error that ends the connection also fails the pending statement.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows }: QueryResult<Seen> = await client.query(
      `SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS replica,
         current_setting('transaction_read_only') AS readonly`,
    );
    const seen = rows[0];
    if (seen === undefined) throw new Error("it returned no information about itself");
    if (seen.replica) {
      throw new StorageError(
        `The PostgreSQL database ${database.name} is a replica, which cannot be written to. Name the primary in DATABASE_URL`,
      );
    }
    if (seen.readonly === "on") {
      throw new StorageError(
        `The PostgreSQL database ${database.name} is read-only: default_transaction_read_only is on`,
      );
    }
    const pooled = Reflect.get(client, "processID") !== seen.pid;
    if (pooled) await requireTransactions(client, database);
    return { ...database, pooled };
  } catch (error) {
    throw explained(database, PURPOSE, error);
  } finally {
    // It may have ended by itself already, and then fails again.
    await client.end().catch(() => {});
  }
}

async function requireTransactions(client: Client, { name }: Database): Promise<void> {
  try {
    await client.query("BEGIN");
    await client.query("COMMIT");
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new StorageError(
      `The pooler in front of the PostgreSQL database ${name} does not allow transactions (${reason}). Set its pool_mode to transaction or session`,
      { cause },
    );
  }
}

/** Poolers reject connections that request settings, or ignore the settings. */
export function urlWithoutOptions(url: URL): string {
  const result = new URL(url);
  result.searchParams.delete("options");
  return result.href;
}
