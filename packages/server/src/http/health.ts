/** Tells whether the server can do its work, part by part. */
export class Health {
  readonly #parts: Map<string, () => string | undefined> = new Map();

  /**
   * Whether new connections are welcome. A service that all servers share may be down, and then no
   * other server would do better: for load balancers this counts, and not whether all parts work.
   */
  accepting = true;

  /** @param problem says why the part does not work, or `undefined` when it does */
  watch(part: string, problem: () => string | undefined): void {
    this.#parts.set(part, problem);
  }

  /** The parts that do not work, each with the reason. */
  failing(): Record<string, string> {
    const failing: Record<string, string> = {};
    for (const [part, problem] of this.#parts) {
      const reason = problem();
      if (reason !== undefined) failing[part] = reason;
    }
    return failing;
  }
}
