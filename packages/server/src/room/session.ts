import type { Room } from "./room.ts";
import type { Sink, Subscriber } from "./subscriber.ts";

/**
 * One use of a room: by a socket, a document in the process, a watch, or an API call. The room stays in
 * memory as long as it has sessions. A session may attach one subscriber. Disposing of the session
 * detaches the subscriber and releases the room; repeated calls do nothing.
 */
export class Session implements Disposable {
  readonly room: Room;
  #subscriber: Subscriber | null = null;
  #release: (() => void) | null;

  /** @param release ends the use of the room, which the session takes over from the caller */
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
      throw new Error("the session already has a subscriber, or has ended");
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
