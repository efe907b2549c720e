/** Says why going on with other documents makes no sense. */
export class StopError extends Error {
  override readonly name = "StopError";
}
