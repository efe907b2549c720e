/** An awareness state, an update or a document is larger than this server accepts. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}
