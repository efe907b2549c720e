/** The server lost nothing, but did not handle the load in time. */
export class Overloaded extends Error {
  override readonly name = "Overloaded";
}
