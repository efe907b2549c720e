import type { Room } from "./room.ts";
import type { Sink, Subscriber } from "./subscriber.ts";

/**
 * One use of a room: by a socket, a document in the process, a watch, or a call of the API. The room
 * stays in memory for as long as it has sessions. A session may attach one subscriber; disposing of it
 * detaches the subscriber and releases the room, once.
 */
export class Session implements Disposable {
  readonly room: Room;
  #subscriber: Subscriber | null = null;
  #release: (() => void) | null;

  /** @param release gives back the use of the room, which the session takes over */
  constructor(room: Room, release: () => void) {
    this.room = room;
    this.#release = release;
  }

  /** The attached subscriber. */
  get subscriber(): Subscriber {
    if (this.#subscriber === null) throw new Error("the session has not attached a subscriber");
    return this.#subscriber;
  }

  /**
   * Attaches the subscriber.
   *
   * @param awareness as `Room.attach`
   * @throws DeletedError when the room has been discarded
   */
  attach(sink: Sink, awareness: "now" | "later" = "now"): Subscriber {
    if (this.#subscriber !== null || this.#release === null) {
      throw new Error("the session has attached a subscriber already, or has ended");
    }
    this.#subscriber = this.room.attach(sink, awareness);
    return this.#subscriber;
  }

  [Symbol.dispose](): void {
    if (this.#release === null) return;
    const release = this.#release;
    this.#release = null;
    if (this.#subscriber !== null) this.room.detach(this.#subscriber, Date.now());
    release();
  }
}
