import type { JournaledRoom } from "./commit-plan.ts";

/** A caller that waits until everything below `end` in a room's log is durable. */
interface Waiter {
  readonly room: JournaledRoom;
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/**
 * Callers that wait for updates to become durable. They wait until the updates are, the room is
 * discarded, or the journal writer closes.
 */
export class DurabilityWaiters {
  #waiting: Waiter[] = [];

  /** Resolves when everything below an offset of a room's log is durable; rejects on `fail`. */
  wait(room: JournaledRoom, end: number): Promise<void> {
    if (room.log.durable >= end) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ room, end, resolve, reject });
    });
  }

  /** Resolves the waiters whose offset has become durable. */
  check(): void {
    this.#waiting = this.#waiting.filter(({ room, end, resolve }) => {
      if (room.log.durable < end) return true;
      resolve();
      return false;
    });
  }

  /** Rejects the waiters for a room, or all of them. */
  fail(reason: Error, room?: JournaledRoom): void {
    this.#waiting = this.#waiting.filter((waiter) => {
      if (room !== undefined && waiter.room !== room) return true;
      waiter.reject(reason);
      return false;
    });
  }
}
