import { StorageError } from "../errors.ts";

/** What the migrator says when a table names a migration that this program does not have. */
const UNKNOWN_MIGRATION = /previously executed migration (\S+) is missing/;

/** An error of the migrator; where the tables are of a newer version, one that says so. */
export function asMigrationError(error: unknown): unknown {
  const unknown = error instanceof Error ? UNKNOWN_MIGRATION.exec(error.message)?.[1] : undefined;
  if (unknown === undefined) return error;
  return new Error(
    `its tables were made by a newer version of this program, which has ${unknown}; run that version`,
    { cause: error },
  );
}

/**
 * Does something with the database of the metadata.
 *
 * @param what for the message, as in "read events"
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
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(`Could not ${what}: ${reason}`, { cause: error });
  }
}
