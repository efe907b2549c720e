import type { DatabaseSync } from "node:sqlite";
import { StorageError } from "../errors.ts";
import { atomically } from "./connection.ts";

/** Written to a file's `user_version`; incremented when its tables change. */
const SCHEMA_VERSION = 1;

/**
 * Creates the tables of an empty file.
 *
 * @param schema SQL that creates them
 * @throws StorageError if the file has the tables of another version of this program
 */
export function createTables(connection: DatabaseSync, path: string, schema: string): void {
  atomically(connection, () => {
    const version = connection.prepare("PRAGMA user_version").get()?.user_version;
    if (version === 0) connection.exec(`${schema} PRAGMA user_version = ${SCHEMA_VERSION};`);
    else if (version !== SCHEMA_VERSION) {
      throw new StorageError(
        `"${path}" was written by another version of this program (its schema is ${version}, this ` +
          `program knows ${SCHEMA_VERSION}). Use the program that wrote it, or a newer one.`,
      );
    }
  });
}
