import type { Tombstone } from "../storage/metadata.ts";

/** The room is being deleted, or was deleted a short time ago. */
export class DeletedError extends Error {
  override readonly name = "DeletedError";

  constructor(room: string) {
    super(`room ${JSON.stringify(room)} has been deleted`);
  }
}

/** How long a room stays closed if the end of its deletion is never reported. */
const LIMIT_MS = 10_000;

/**
 * The rooms that may not be opened: those being deleted, and those with a tombstone. Clients that had a
 * deleted room open reconnect, some of them immediately, and would restore its content.
 */
export class Deletions {
  /** When the deletion of a room ends at the latest. */
  readonly #deleting: Map<string, number> = new Map();
  readonly #tombstones: Map<string, { readonly until: number; readonly setAt: number }> = new Map();

  /** Closes the room for ten seconds, or until `end`. */
  begin(room: string): void {
    const now = Date.now();
    for (const [other, until] of this.#deleting) if (until <= now) this.#deleting.delete(other);
    this.#deleting.set(room, now + LIMIT_MS);
  }

  /** @param until when the room opens again, in milliseconds since the epoch; by default immediately */
  end(room: string, until = 0): void {
    this.#deleting.delete(room);
    this.#bury(room, until, Date.now());
  }

  /**
   * Replaces the known tombstones with those in the metadata.
   *
   * @param readAt when reading them began; tombstones set since then are kept
   */
  replaceTombstones(tombstones: readonly Tombstone[], readAt: number): void {
    const stored = new Map(tombstones.map(({ room, until }) => [room, until]));
    for (const [room, { until, setAt }] of this.#tombstones) {
      if (until <= readAt || (setAt < readAt && !stored.has(room))) this.#tombstones.delete(room);
    }
    for (const [room, until] of stored) {
      const known = this.#tombstones.get(room);
      if (known === undefined || known.setAt < readAt) this.#bury(room, until, readAt);
    }
  }

  isClosed(room: string): boolean {
    const until = Math.max(this.#deleting.get(room) ?? 0, this.#tombstones.get(room)?.until ?? 0);
    return until > Date.now();
  }

  /** @throws DeletedError when the room is closed */
  check(room: string): void {
    if (this.isClosed(room)) throw new DeletedError(room);
  }

  #bury(room: string, until: number, setAt: number): void {
    if (until > Date.now()) this.#tombstones.set(room, { until, setAt });
    else this.#tombstones.delete(room);
  }
}
