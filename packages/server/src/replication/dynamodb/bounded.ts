import { withTimeLimit } from "../../runtime/time-limit.ts";
import { RegistryError } from "../registry.ts";
import { asRegistryError } from "./dynamodb-errors.ts";

/** Time limit for one call of the registry, including all its requests. */
export const OPERATION_MS = 5_000;

/**
 * Runs work on the table with a time limit.
 *
 * The client's own limits are not enough: they apply to single requests, and credential lookup has
 * none.
 *
 * @param limit in milliseconds
 * @throws RegistryError for anything that the work throws, and when the time is up
 */
export async function bounded<T>(
  table: string,
  limit: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = () => new RegistryError(`DynamoDB did not respond within ${limit} ms`);
  try {
    return await withTimeLimit(limit, late, work);
  } catch (error) {
    throw asRegistryError(error, table);
  }
}
