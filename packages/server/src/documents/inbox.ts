import type { Frame } from "../protocol/frame.ts";
import { type MessageReceiver, readMessage } from "../protocol/message.ts";
import { messageOf } from "../protocol/message-of-frame.ts";

/** What a document has sent and was not looked at yet. */
export class Inbox implements MessageReceiver {
  #updates: Uint8Array[] = [];
  #presence: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.#updates.length === 0 && this.#presence.length === 0;
  }

  put(frames: readonly Frame[]): void {
    for (const frame of frames) readMessage(messageOf(frame), this);
  }

  /** Empties it. */
  take(): { readonly updates: readonly Uint8Array[]; readonly presence: readonly Uint8Array[] } {
    const taken = { updates: this.#updates, presence: this.#presence };
    this.#updates = [];
    this.#presence = [];
    return taken;
  }

  onStateVector(): void {}

  onPresenceQuery(): void {}

  onDiff(update: Uint8Array): void {
    this.#updates.push(update);
  }

  onUpdate(update: Uint8Array): void {
    this.#updates.push(update);
  }

  onPresence(states: Uint8Array): void {
    this.#presence.push(states);
  }
}
