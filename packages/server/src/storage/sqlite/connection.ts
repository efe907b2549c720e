import { DatabaseSync } from "node:sqlite";
import { reasonOf } from "../../runtime/reason.ts";
import { CorruptedError, StorageError } from "../errors.ts";
import { primaryCode, SQLITE_NOTADB } from "./sqlite-errors.ts";

/** How long a statement waits while another program, such as a backup, holds the file's lock. */
const LOCK_TIMEOUT_MS = 2_000;

/** A large snapshot makes the write-ahead log grow; afterwards it is truncated to this size. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * Opens a database file so that a committed transaction survives a crash of the machine.
 *
 * @throws CorruptedError if the file is not a database
 * @throws StorageError if it cannot be opened
 */
export function openConnection(path: string): DatabaseSync {
  try {
    const connection = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    try {
      connection.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES};
      `);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    if (primaryCode(error) === SQLITE_NOTADB) {
      throw new CorruptedError(
        `"${path}" is not a SQLite database. Restore it from a backup, or move it away to start ` +
          "with an empty one.",
        { cause: error },
      );
    }
    throw new StorageError(
      `"${path}" cannot be opened (${reasonOf(error)}). Check that this process may read and write it and ` +
        "its directory, and that the disk is not full.",
      { cause: error },
    );
  }
}

/** Runs `work` in a transaction, which is never left open, whatever fails. */
export function atomically<Result>(connection: DatabaseSync, work: () => Result): Result {
  connection.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    connection.exec("COMMIT");
    return result;
  } finally {
    // After some errors (full disk, I/O) SQLite has ended the transaction by itself.
    if (connection.isTransaction) connection.exec("ROLLBACK");
  }
}
