import type { Replicator } from "../replication/replicator.ts";
import type { Room } from "./room.ts";

type LifeState =
  | { readonly name: "opening"; readonly opened: Promise<Room> }
  | { readonly name: "open"; readonly room: Room }
  | { readonly name: "closing"; readonly closed: Promise<void> };

/**
 * The life of one room on this server, from the first request for it until it is unloaded:
 *
 * ```
 *             opened                unload, tryUnload
 *   opening ──────────► open ────────────────────────────► closing
 *      │                 ▲ │ use, release: count the users
 *      │ failed          └─┘
 *      ▼
 *   (gone)
 * ```
 *
 * A transition from the wrong state is a defect, and throws.
 */
export class RoomLife {
  readonly #replicator: Replicator | null;
  #state: LifeState;
  /** How many sessions and calls use the room, or are about to. */
  #users = 0;
  #unloadTimer: NodeJS.Timeout | undefined;
  /** When the room is due for a snapshot, in milliseconds since the epoch. */
  snapshotDue = Number.POSITIVE_INFINITY;

  private constructor(state: LifeState, replicator: Replicator | null) {
    this.#state = state;
    this.#replicator = replicator;
  }

  static opening(replicator: Replicator, opened: Promise<Room>): RoomLife {
    return new RoomLife({ name: "opening", opened }, replicator);
  }

  /** This server is being deregistered from a room that it does not hold. */
  static closing(closed: Promise<void>): RoomLife {
    return new RoomLife({ name: "closing", closed }, null);
  }

  get state(): LifeState {
    return this.#state;
  }

  /** The open room; `null` in any other state. */
  get room(): Room | null {
    return this.#state.name === "open" ? this.#state.room : null;
  }

  /** `null` if this server no longer holds the room. */
  get replicator(): Replicator | null {
    return this.#state.name === "closing" ? null : this.#replicator;
  }

  get isUsed(): boolean {
    return this.#users > 0;
  }

  opened(room: Room, snapshotDue: number): void {
    this.#assert("opening");
    this.#state = { name: "open", room };
    this.snapshotDue = snapshotDue;
  }

  /** Adds a user of the open room. */
  use(): Room {
    const { room } = this.#assertOpen();
    this.#users++;
    clearTimeout(this.#unloadTimer);
    return room;
  }

  /** Removes a user. @returns whether it was the last one */
  release(): boolean {
    this.#users--;
    return this.#users === 0;
  }

  /** Calls `unload` after a delay, unless the room is used or closed first. */
  unloadLater(delay: number, unload: () => void): void {
    clearTimeout(this.#unloadTimer);
    this.#unloadTimer = setTimeout(unload, delay);
  }

  /**
   * Closes the room if it has no users and everything is durable. Synchronous, so nothing can happen
   * between the check and the state change.
   *
   * @param isStored whether a snapshot has everything durable, or has to be skipped
   * @param close unloads the room; called once the checks have passed
   * @returns whether the room is closing now
   */
  tryUnload(isStored: () => boolean, close: () => Promise<void>): boolean {
    if (this.#state.name !== "open" || this.#users > 0) return false;
    const { log } = this.#state.room;
    if (!isStored() || log.durable < log.end) return false;
    void this.unload(close);
    return true;
  }

  /**
   * Closes the open room unconditionally: it was deleted, or the server is shutting down.
   *
   * @returns what `close` returns
   */
  unload(close: () => Promise<void>): Promise<void> {
    this.#assertOpen();
    clearTimeout(this.#unloadTimer);
    const closed = close();
    this.#state = { name: "closing", closed };
    return closed;
  }

  #assertOpen(): Extract<LifeState, { name: "open" }> {
    this.#assert("open");
    return this.#state as Extract<LifeState, { name: "open" }>;
  }

  #assert(expected: LifeState["name"]): void {
    if (this.#state.name !== expected) {
      throw new Error(`expected the room to be ${expected}, but it is ${this.#state.name}`);
    }
  }
}

/** Totals of all rooms of a server. */
export interface RoomsUsage {
  readonly opening: number;
  readonly open: number;
  readonly closing: number;
  /** Rooms with sessions. */
  readonly active: number;
  /** Encoded size of all logs. */
  readonly bytes: number;
  /** How many times, over all rooms, another holder has updates that are known to be missing here. */
  readonly lagging: number;
}

export function usageOf(lives: Iterable<RoomLife>): RoomsUsage {
  const usage = { opening: 0, open: 0, closing: 0, active: 0, bytes: 0, lagging: 0 };
  for (const life of lives) {
    usage[life.state.name]++;
    if (life.room === null) continue;
    if (life.isUsed) usage.active++;
    usage.bytes += life.room.log.bytes;
    usage.lagging += life.replicator?.lagging ?? 0;
  }
  return usage;
}
