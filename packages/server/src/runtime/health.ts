/** Tells whether the server can do its work, part by part. */
export class Health {
  readonly #parts: Map<string, () => string | undefined> = new Map();
  readonly #warnings: Map<string, () => string | undefined> = new Map();

  /**
   * Whether new connections are welcome. A service that all servers share may be down, and then no
   * other server would do better: for load balancers this counts, and not whether all parts work.
   */
  accepting = true;

  /** @param problem says why the part does not work, or `undefined` when it does */
  watch(part: string, problem: () => string | undefined): void {
    this.#parts.set(part, problem);
  }

  /** @param warning says what does not keep the server from its work, and somebody should look at */
  note(part: string, warning: () => string | undefined): void {
    this.#warnings.set(part, warning);
  }

  /** What somebody should look at, although the server can do its work. */
  warnings(): Record<string, string> {
    return reasonsOf(this.#warnings);
  }

  /** The parts that do not work, each with the reason. */
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
