import { StorageError } from "./errors.ts";

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
