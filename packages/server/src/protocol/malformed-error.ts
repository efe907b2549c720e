import { TooLargeError } from "./too-large-error.ts";

/** A client sent bytes that are not what the protocol says. The message says what was wrong with them. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

/**
 * Runs a decoder and reports whatever it throws as a `MalformedError`. The decoders of lib0 throw
 * plain errors at the end of the input and for numbers above 2^53, and `JSON.parse` throws its own. What
 * is too large stays a `TooLargeError`.
 *
 * @param what names the bytes being read, for the message
 * @throws MalformedError, TooLargeError
 */
export function decoding<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asMalformed(what, error);
  }
}

/** What a decoder threw as `decoding` reports it; for where a function for each message is too much. */
export function asMalformed(what: string, error: unknown): MalformedError | TooLargeError {
  if (error instanceof MalformedError || error instanceof TooLargeError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new MalformedError(`${what}: ${reason}`, { cause: error });
}
