/** The server lost nothing, but did not do in time what it was offered. */
export class Overloaded extends Error {
  override readonly name = "Overloaded";
}
