/** The health of the server, part by part. */
export class Health {
  readonly #parts: Map<string, () => string | undefined> = new Map();
  readonly #warnings: Map<string, () => string | undefined> = new Map();

  /**
   * Whether the server accepts new connections. Load balancers use this rather than the health of
   * the parts: when a service that all servers share is down, no other server would do better.
   */
  accepting = true;

  /** @param problem returns why the part is failing, or `undefined` if it is healthy */
  watch(part: string, problem: () => string | undefined): void {
    this.#parts.set(part, problem);
  }

  /**
   * @param warning returns a problem that needs attention but does not impair the server, or
   *   `undefined`
   */
  note(part: string, warning: () => string | undefined): void {
    this.#warnings.set(part, warning);
  }

  /** Problems that need attention although the server is healthy. */
  warnings(): Record<string, string> {
    return reasonsOf(this.#warnings);
  }

  /** The failing parts, each with the reason. */
  failing(): Record<string, string> {
    return reasonsOf(this.#parts);
  }
}

function reasonsOf(parts: ReadonlyMap<string, () => string | undefined>): Record<string, string> {
  const reasons: Record<string, string> = {};
  for (const [part, problem] of parts) {
    const reason = problem();
    if (reason !== undefined) reasons[part] = reason;
  }
  return reasons;
}
