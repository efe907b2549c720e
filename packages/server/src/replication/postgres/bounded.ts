import { reasonOf } from "../../runtime/reason.ts";
import { withTimeLimit } from "../../runtime/time-limit.ts";
import { RegistryError } from "../registry.ts";

/** Time limit for one call of the registry, including all its statements and the wait for a connection. */
const OPERATION_MS = 5_000;

/**
 * Time limit for a statement. Those of a running server take milliseconds. When it is up, the connection is
 * discarded, so that no later call waits behind it.
 */
export const STATEMENT_MS = 3_000;

/**
 * Runs the statements of one call with a time limit.
 *
 * @throws RegistryError for anything that the work throws, and when the time is up
 */
export async function bounded<T>(work: () => Promise<T>): Promise<T> {
  const late = () => new RegistryError(`PostgreSQL did not respond within ${OPERATION_MS} ms`);
  try {
    return await withTimeLimit(OPERATION_MS, late, work);
  } catch (error) {
    throw asRegistryError(error);
  }
}

/** The stores' errors already say which operation failed in which database, and what to do. */
export function asRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return new RegistryError(reasonOf(error), { cause: error });
}
