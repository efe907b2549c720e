import type { OtherHolders, Registry } from "./registry.ts";

/**
 * This server's entry in the registry as a holder of one room: made, made again after a failure or
 * when others may have removed it, and finally removed. Makes one call at a time, as the registry
 * requires.
 */
export class Registration {
  readonly #room: string;
  readonly #registry: Registry;
  #dueAt = 0;
  #calling: Promise<OtherHolders> | undefined;

  constructor(room: string, registry: Registry) {
    this.#room = room;
    this.#registry = registry;
  }

  /** Whether it is time to call `hold` again. */
  isDue(now: number): boolean {
    return this.#calling === undefined && now >= this.#dueAt;
  }

  /**
   * Makes the entry. Must not be called while a previous call is pending.
   *
   * @throws RegistryError; the entry is then due again
   */
  async hold(): Promise<OtherHolders> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#calling = this.#registry.hold(this.#room);
    try {
      return await this.#calling;
    } catch (error) {
      this.#dueAt = 0;
      throw error;
    } finally {
      this.#calling = undefined;
    }
  }

  /** The entry may be gone, even one being made right now: makes it due at this time. */
  renew(at: number): void {
    this.#dueAt = at;
  }

  /**
   * Removes the entry, including one that is still being made.
   *
   * @throws RegistryError
   */
  async release(): Promise<void> {
    await Promise.allSettled([this.#calling]);
    await this.#registry.release(this.#room);
  }
}
