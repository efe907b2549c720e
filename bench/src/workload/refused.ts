/** A run whose figures would mislead: something was lost, or the exact workload was not offered. */
export class RunRefused extends Error {
  override readonly name = "RunRefused";
}
