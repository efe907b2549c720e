import type { Frame } from "../protocol/frame.ts";
import type { Log } from "./log.ts";
import type { Presence } from "./presence.ts";

/** What one flush sends: readers at the same place get the same frames. */
export class SharedNews {
  readonly #log: Log;
  readonly #presence: Presence;
  readonly #updates: { from: number; to: number; frames: Frame[] }[] = [];
  readonly #states: { version: number; news: ReturnType<Presence["since"]> }[] = [];

  constructor(log: Log, presence: Presence) {
    this.#log = log;
    this.#presence = presence;
  }

  updates(from: number, to: number): readonly Frame[] {
    let made = this.#updates.find((one) => one.from === from && one.to === to);
    if (made === undefined) {
      made = { from, to, frames: this.#log.frames(from, to) };
      this.#updates.push(made);
    }
    return made.frames;
  }

  presence(version: number): ReturnType<Presence["since"]> {
    let made = this.#states.find((one) => one.version === version);
    if (made === undefined) {
      made = { version, news: this.#presence.since(version) };
      this.#states.push(made);
    }
    return made.news;
  }
}
