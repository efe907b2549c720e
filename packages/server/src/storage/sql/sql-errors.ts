import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../errors.ts";

/** The migrator's error message when a table names a migration that this program does not have. */
const UNKNOWN_MIGRATION = /previously executed migration (\S+) is missing/;

/** Returns the migrator's error, or a clearer one if the tables are of a newer version. */
export function asMigrationError(error: unknown): unknown {
  const unknown = error instanceof Error ? UNKNOWN_MIGRATION.exec(error.message)?.[1] : undefined;
  if (unknown === undefined) return error;
  return new Error(
    `its tables were created by a newer version of this program, with the migration ${unknown}; run that version`,
    { cause: error },
  );
}

/**
 * Runs an operation on the metadata database.
 *
 * @param what for the error message, as in "read events"
 * @throws StorageError
 */
export async function asStorageError<Result>(
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const reason = reasonOf(error);
    throw new StorageError(`Could not ${what}: ${reason}`, { cause: error });
  }
}
