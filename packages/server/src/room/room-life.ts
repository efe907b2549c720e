import type { Replicator } from "../replication/replicator.ts";
import type { Room } from "./room.ts";

type State =
  | { readonly name: "opening"; readonly opened: Promise<Room> }
  | { readonly name: "open"; readonly room: Room }
  | { readonly name: "closing"; readonly closed: Promise<void> };

/**
 * The life of one room on this server, from the first request for it until it has left the memory:
 *
 * ```
 *             opened                unload, tryUnload
 *   opening ──────────► open ────────────────────────────► closing
 *      │                 ▲ │ use, release: counts those who use it
 *      │ failed          └─┘
 *      ▼
 *   (gone)
 * ```
 *
 * A transition from the wrong state is a defect, and throws.
 */
export class RoomLife {
  readonly #replicator: Replicator | null;
  #state: State;
  /** How many sessions and calls use the room, or are about to. */
  #users = 0;
  #unloadTimer: NodeJS.Timeout | undefined;
  /** When the room is due for a snapshot, in milliseconds since the epoch. */
  snapshotDue = Number.POSITIVE_INFINITY;

  private constructor(state: State, replicator: Replicator | null) {
    this.#state = state;
    this.#replicator = replicator;
  }

  static opening(replicator: Replicator, opened: Promise<Room>): RoomLife {
    return new RoomLife({ name: "opening", opened }, replicator);
  }

  /** A room that this server does not hold, although the registry says so, is taken out of it. */
  static closing(closed: Promise<void>): RoomLife {
    return new RoomLife({ name: "closing", closed }, null);
  }

  get state(): State {
    return this.#state;
  }

  /** The open room; `null` in any other state. */
  get room(): Room | null {
    return this.#state.name === "open" ? this.#state.room : null;
  }

  /** `null` when this server does not hold the room any more. */
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

  /** Begins a use of the open room. */
  use(): Room {
    const { room } = this.#assertOpen();
    this.#users++;
    clearTimeout(this.#unloadTimer);
    return room;
  }

  /** @returns whether it was the last use */
  release(): boolean {
    this.#users--;
    return this.#users === 0;
  }

  /** Has `unload` called after a delay, unless the room is used before, or closed. */
  unloadLater(delay: number, unload: () => void): void {
    clearTimeout(this.#unloadTimer);
    this.#unloadTimer = setTimeout(unload, delay);
  }

  /**
   * Closes the room if nobody uses it and everything is durable. Synchronous: nothing can happen between
   * the check and the change of state.
   *
   * @param isStored whether a snapshot holds what is durable, or has to be done without
   * @param close unloads the room; it is called once the check has passed
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
   * Closes the open room, whatever it holds and whoever uses it: it was deleted, or the server ends.
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

  #assertOpen(): Extract<State, { name: "open" }> {
    this.#assert("open");
    return this.#state as Extract<State, { name: "open" }>;
  }

  #assert(expected: State["name"]): void {
    if (this.#state.name !== expected) {
      throw new Error(`a room that is ${this.#state.name} should be ${expected}`);
    }
  }
}

/** What all rooms of a server come to. */
export interface RoomsUsage {
  readonly opening: number;
  readonly open: number;
  readonly closing: number;
  /** Rooms with sessions. */
  readonly active: number;
  /** Of all logs. */
  readonly bytes: number;
  /** In how many cases another holder has something of a room that is known to be missing here. */
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
