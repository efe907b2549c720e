import type { Frame } from "../protocol/frame.ts";
import type { Log } from "./log.ts";
import type { Presence } from "./presence.ts";

/** What one flush sends: readers at the same place get the same frames. */
export class SharedNews {
  readonly #log: Log;
  readonly #presence: Presence;
  /** By where they end, then by where they begin. */
  readonly #updates: Map<number, Map<number, Frame[]>> = new Map();
  readonly #states: Map<number, ReturnType<Presence["since"]>> = new Map();

  constructor(log: Log, presence: Presence) {
    this.#log = log;
    this.#presence = presence;
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

  presence(version: number): ReturnType<Presence["since"]> {
    let news = this.#states.get(version);
    if (news === undefined) {
      news = this.#presence.since(version);
      this.#states.set(version, news);
    }
    return news;
  }
}
