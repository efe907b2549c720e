import type { Frame } from "../protocol/frame.ts";
import { type MessageReceiver, readMessage } from "../protocol/message.ts";
import { messageOf } from "../protocol/message-of-frame.ts";

/** Messages from a room that have not been applied yet. */
export class Inbox implements MessageReceiver {
  #updates: Uint8Array[] = [];
  #awareness: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.#updates.length === 0 && this.#awareness.length === 0;
  }

  put(frames: readonly Frame[]): void {
    for (const frame of frames) readMessage(messageOf(frame), this);
  }

  /** Removes and returns everything. */
  take(): { readonly updates: readonly Uint8Array[]; readonly awareness: readonly Uint8Array[] } {
    const taken = { updates: this.#updates, awareness: this.#awareness };
    this.#updates = [];
    this.#awareness = [];
    return taken;
  }

  onStateVector(): void {}

  onAwarenessQuery(): void {}

  onDiff(update: Uint8Array): void {
    this.#updates.push(update);
  }

  onUpdate(update: Uint8Array): void {
    this.#updates.push(update);
  }

  onAwareness(states: Uint8Array): void {
    this.#awareness.push(states);
  }
}
