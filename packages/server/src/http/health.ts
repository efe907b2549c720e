/** Tells whether the server can do its work, part by part. */
export class Health {
  readonly #parts: Map<string, () => string | undefined> = new Map();

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
