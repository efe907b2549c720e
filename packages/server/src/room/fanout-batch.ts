import type { Frame } from "../protocol/frame.ts";
import type { Log } from "./log.ts";
import type { RoomAwareness } from "./room-awareness.ts";

/** Caches the frames of one flush, so that subscribers at the same position share them. */
export class FanoutBatch {
  readonly #log: Log;
  readonly #awareness: RoomAwareness;
  /** Keyed by end offset, then by start offset. */
  readonly #updates: Map<number, Map<number, Frame[]>> = new Map();
  readonly #states: Map<number, ReturnType<RoomAwareness["since"]>> = new Map();

  constructor(log: Log, awareness: RoomAwareness) {
    this.#log = log;
    this.#awareness = awareness;
  }

  updates(from: number, to: number): readonly Frame[] {
    let byFrom = this.#updates.get(to);
    if (byFrom === undefined) {
      byFrom = new Map();
      this.#updates.set(to, byFrom);
    }
    let frames = byFrom.get(from);
    if (frames === undefined) {
      frames = this.#log.frames(from, to);
      byFrom.set(from, frames);
    }
    return frames;
  }

  awareness(version: number): ReturnType<RoomAwareness["since"]> {
    let news = this.#states.get(version);
    if (news === undefined) {
      news = this.#awareness.since(version);
      this.#states.set(version, news);
    }
    return news;
  }
}
