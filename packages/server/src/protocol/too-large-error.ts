/** A presence state, an update or a document is larger than this server takes. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}
