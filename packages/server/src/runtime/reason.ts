/** Returns what an error says, for a message or a log. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  // If a host cannot be reached at any of its addresses, only the parts of the error say why.
  if (error instanceof AggregateError && message === "") {
    return error.errors.map(reasonOf).join(", ");
  }
  return message === FETCH_FAILED && cause !== undefined ? reasonOf(cause) : message;
}

/** What `fetch` always says; the reason is in the cause. */
const FETCH_FAILED = "fetch failed";

/** Returns a thrown value as an error. */
export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
