import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../errors.ts";
import { primaryCode, SQLITE_BUSY } from "./sqlite-errors.ts";

/** Creates a directory and its parents if they do not exist. @throws StorageError */
export async function createDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw new StorageError(
      `The data directory "${directory}" cannot be created (${reasonOf(error)}). Set DATA_DIR to a ` +
        "directory that this process may write to.",
      { cause: error },
    );
  }
}

/**
 * Locks a data directory for this process until `release` is called or the process ends for any
 * reason: the operating system holds the lock.
 *
 * @throws StorageError if another process is using the directory
 */
export function lockDirectory(directory: string): { release(): void } {
  const path = join(directory, "lock");
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    // The transaction writes nothing; with MEMORY it does not create a journal file either.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    if (primaryCode(error) === SQLITE_BUSY) {
      throw new StorageError(
        `The data directory "${directory}" is used by another process. Stop that process, or set ` +
          "DATA_DIR to another directory.",
        { cause: error },
      );
    }
    throw new StorageError(
      `"${path}" cannot be opened (${reasonOf(error)}). Check that this process may write to the ` +
        "directory and that the file, if there is one, is empty.",
      { cause: error },
    );
  }
  const held = lock;
  return { release: () => held.close() };
}
