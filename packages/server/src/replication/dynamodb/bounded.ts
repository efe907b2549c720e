import { RegistryError } from "../registry.ts";
import { asRegistryError } from "./errors.ts";

/** The most that one call of the registry may take, with all its requests. */
export const OPERATION_MS = 5_000;

/**
 * Does some work with the table, and gives it up after a time.
 *
 * The client's own limits are not enough: they hold for one request, and finding credentials has none.
 *
 * @param limit in milliseconds
 * @throws RegistryError for whatever the work throws, and when the time is up
 */
export async function bounded<T>(
  table: string,
  limit: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new RegistryError(`DynamoDB does not answer within ${limit} ms`));
      abort.abort();
    }, limit);
  });
  try {
    return await Promise.race([work(abort.signal), late]);
  } catch (error) {
    throw asRegistryError(error, table);
  } finally {
    clearTimeout(timer);
  }
}
