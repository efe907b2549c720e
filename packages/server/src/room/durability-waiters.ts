import type { JournaledRoom } from "./commit-plan.ts";

interface Waiter {
  readonly room: JournaledRoom;
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Those who wait until some update is durable. */
export class DurabilityWaiters {
  #waiting: Waiter[] = [];

  /** Resolves when everything below an offset of a document's log is durable; see `fail`. */
  wait(room: JournaledRoom, end: number): Promise<void> {
    if (room.log.durable >= end) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ room, end, resolve, reject });
    });
  }

  /** More may be durable: resolves for those who waited for that. */
  check(): void {
    this.#waiting = this.#waiting.filter(({ room, end, resolve }) => {
      if (room.log.durable < end) return true;
      resolve();
      return false;
    });
  }

  /** Rejects for those who wait for a document, or for any. */
  fail(reason: Error, room?: JournaledRoom): void {
    this.#waiting = this.#waiting.filter((waiter) => {
      if (room !== undefined && waiter.room !== room) return true;
      waiter.reject(reason);
      return false;
    });
  }
}
