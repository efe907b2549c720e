import type { OtherHolders, Registry } from "./registry.ts";

/**
 * One room's entry in the registry, seen from one of its holders: is made, made again when that
 * failed or when others may have removed it, and given back. One call at a time, as the registry
 * asks.
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
   * Makes the entry. Not while that is under way.
   *
   * @throws RegistryError; it is then due again
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

  /** The entry may be gone, also the one that is being made: it is due from this time on. */
  renew(at: number): void {
    this.#dueAt = at;
  }

  /**
   * Removes the entry, and one that is still being made.
   *
   * @throws RegistryError
   */
  async release(): Promise<void> {
    await Promise.allSettled([this.#calling]);
    await this.#registry.release(this.#room);
  }
}
