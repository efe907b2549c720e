import { Client } from "pg";
import { nearestName } from "../../runtime/nearest-name.ts";
import { reasonOf } from "../../runtime/reason.ts";
import { CorruptedError, StorageError } from "../errors.ts";

/** How long to wait for a connection, also while all of them are in use. */
export const CONNECT_MS = 4_000;
/** Time limit for a statement. Those of a running server take milliseconds. */
export const STATEMENT_MS = 6_000;

/** A database, identified by its URL. */
export interface Database {
  readonly url: URL;
  /** For messages, without user and password. */
  readonly name: string;
  /** Whether it is behind a pooler, which keeps no session state between transactions. */
  readonly pooled?: boolean;
}

/**
 * The parameters that the driver reads. It would ignore a misspelt one, perhaps one that enables
 * encryption.
 */
const PARAMETERS = [
  "sslmode",
  "sslcert",
  "sslkey",
  "sslrootcert",
  "sslnegotiation",
  "options",
  "application_name",
  "client_encoding",
  "uselibpqcompat",
  "host",
  "port",
];
const SSL_MODES = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
  "no-verify",
];

/** @throws StorageError if the URL is invalid, or a file that it names cannot be read */
export function databaseOf(text: string): Database {
  const url = URL.parse(text);
  if (url === null) throw new StorageError("DATABASE_URL is not a valid URL");
  checkUrlParameters(url);
  try {
    const { database = "", host, port } = new Client(text);
    return { url, name: `"${database}" at ${host}:${port}` };
  } catch (error) {
    throw new StorageError(`DATABASE_URL cannot be used: ${explanationOf(error)}`, {
      cause: error,
    });
  }
}

/** @throws StorageError */
function checkUrlParameters({ searchParams }: URL): void {
  for (const name of searchParams.keys()) {
    const meant = PARAMETERS.includes(name) ? undefined : nearestName(name, PARAMETERS);
    if (meant !== undefined) {
      throw new StorageError(`DATABASE_URL has a parameter ${name}; did you mean ${meant}?`);
    }
  }
  const mode = searchParams.get("sslmode");
  if (mode !== null && !SSL_MODES.includes(mode)) {
    throw new StorageError(
      `DATABASE_URL has sslmode=${mode}: it must be one of ${SSL_MODES.join(", ")}`,
    );
  }
}

/**
 * Wraps an error with an explanation: which operation failed in which database, why, and what to
 * do.
 *
 * @param what the operation, as in "append to the journal"
 */
export function explained(database: Database, what: string, error: unknown): StorageError {
  const isDamage = error instanceof CorruptedError || DAMAGE.has(sqlStateOf(error));
  if (error instanceof StorageError && !isDamage) return error;
  const advice = ADVICE[sqlStateOf(error)];
  const text = `Could not ${what} in the PostgreSQL database ${database.name}: ${explanationOf(error)}`;
  const message = advice === undefined ? text : `${text}. ${advice}`;
  const Kind = isDamage ? CorruptedError : StorageError;
  return new Kind(message, { cause: error });
}

/** A page of a table, or an index, is damaged. */
const DAMAGE: ReadonlySet<string> = new Set(["XX001", "XX002"]);

const UNREACHABLE = "Check that it is running, and that DATABASE_URL is correct";
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  "28000": "Check user and password in DATABASE_URL",
  "28P01": "Check user and password in DATABASE_URL",
  "3D000": "Create it, or name another one in DATABASE_URL",
  "42501": "Grant the user the privilege to create tables in it",
  "53100": "Free space on the disk of the database",
  "53300": "Raise its max_connections, or run fewer servers",
};

/** The driver's error messages for timeouts, and what to say instead. */
const TIMEOUTS: Readonly<Record<string, string>> = {
  "Query read timeout": "it did not respond in time",
  "Connection terminated due to connection timeout": `it did not respond within ${CONNECT_MS} ms`,
  "timeout exceeded when trying to connect": `all connections were in use for ${CONNECT_MS} ms`,
};

function explanationOf(error: unknown): string {
  const reason = reasonOf(error);
  return TIMEOUTS[reason] ?? reason;
}

/** Returns the server's SQLSTATE, or the operating system's error code. */
function sqlStateOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
