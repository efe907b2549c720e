/** The room is being deleted. */
export class DeletedError extends Error {
  override readonly name = "DeletedError";

  constructor(room: string) {
    super(`room ${JSON.stringify(room)} has been deleted`);
  }
}

/** So long a room stays closed when nobody says that its deletion is done. */
const LIMIT_MS = 10_000;

/** The rooms that are being deleted: nobody may open them meanwhile. */
export class Deletions {
  readonly #timers: Map<string, NodeJS.Timeout> = new Map();

  /** From now on the room is closed: for ten seconds, or until `end`. */
  begin(room: string): void {
    clearTimeout(this.#timers.get(room));
    this.#timers.set(
      room,
      setTimeout(() => this.end(room), LIMIT_MS),
    );
  }

  end(room: string): void {
    clearTimeout(this.#timers.get(room));
    this.#timers.delete(room);
  }

  /** @throws DeletedError when the room is closed */
  check(room: string): void {
    if (this.#timers.has(room)) throw new DeletedError(room);
  }

  /** Ends all. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
