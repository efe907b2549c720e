import type { Tombstone } from "../storage/metadata.ts";

/** The room is being deleted, or was deleted a short time ago. */
export class DeletedError extends Error {
  override readonly name = "DeletedError";

  constructor(room: string) {
    super(`room ${JSON.stringify(room)} has been deleted`);
  }
}

/** How long a room stays closed when nobody says that its deletion is done. */
const LIMIT_MS = 10_000;

/**
 * The rooms that nobody may open: those that are being deleted, and those with a tombstone. Clients that
 * had a deleted room open come back, some of them at once, and would return its content.
 */
export class Deletions {
  /** Until when a room is being deleted at most. */
  readonly #deleting: Map<string, number> = new Map();
  readonly #tombstones: Map<string, { readonly until: number; readonly setAt: number }> = new Map();

  /** From now on the room is closed: for ten seconds, or until `end`. */
  begin(room: string): void {
    const now = Date.now();
    for (const [other, until] of this.#deleting) if (until <= now) this.#deleting.delete(other);
    this.#deleting.set(room, now + LIMIT_MS);
  }

  /** @param until the room stays closed, in milliseconds since the epoch; it is open without it */
  end(room: string, until = 0): void {
    this.#deleting.delete(room);
    this.#bury(room, until, Date.now());
  }

  /**
   * Takes what the metadata has, instead of what it had before.
   *
   * @param readAt when it was begun to read; what came since stays
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
