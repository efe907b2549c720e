import { reasonOf } from "../runtime/reason.ts";
import { TooLargeError } from "./too-large-error.ts";

/** Received bytes violate the protocol. The message says how. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

/**
 * Runs a decoder and wraps whatever it throws in a `MalformedError`. The decoders of lib0 throw
 * plain errors at the end of the input and for numbers above 2^53, and `JSON.parse` throws its own.
 * A `TooLargeError` is passed through.
 *
 * @param what names the bytes being read, for the error message
 * @throws MalformedError, TooLargeError
 */
export function decoding<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asMalformed(what, error);
  }
}

/**
 * Wraps a decoder's error as `decoding` does, for hot paths where a closure per message is too
 * costly.
 */
export function asMalformed(what: string, error: unknown): MalformedError | TooLargeError {
  if (error instanceof MalformedError || error instanceof TooLargeError) return error;
  const reason = reasonOf(error);
  return new MalformedError(`${what}: ${reason}`, { cause: error });
}
