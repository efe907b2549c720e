import type { Frame } from "../../protocol/frame.ts";
import type { RoomAwareness } from "../awareness/room-awareness.ts";
import type { Log } from "../log/log.ts";

type States = ReturnType<RoomAwareness["since"]>;

/** The frames that subscribers at one position lack. */
interface Updates {
  readonly from: number;
  readonly to: number;
  readonly frames: readonly Frame[];
}

interface Awareness {
  readonly version: number;
  readonly states: States;
}

/** For this many subscribers, merging up to `APART` updates costs more than writing each of them. */
export const FEW_SUBSCRIBERS = 8;
const APART = 8;

/**
 * Caches the frames of one flush, so that subscribers at the same position share them. Most flushes know
 * one or two positions, so a list is searched faster than a map is made.
 */
export class FanoutBatch {
  readonly #log: Log;
  readonly #awareness: RoomAwareness;
  readonly #apart: number;
  readonly #updates: Updates[] = [];
  readonly #states: Awareness[] = [];

  /** @param fanOut how many subscribers there are */
  constructor(log: Log, awareness: RoomAwareness, fanOut: number) {
    this.#log = log;
    this.#awareness = awareness;
    this.#apart = fanOut <= FEW_SUBSCRIBERS ? APART : 1;
  }

  updates(from: number, to: number): readonly Frame[] {
    const known = this.#updates.find((one) => one.from === from && one.to === to);
    if (known !== undefined) return known.frames;
    const frames = this.#log.frames(from, to, undefined, this.#apart);
    remember(this.#updates, { from, to, frames });
    return frames;
  }

  awareness(version: number): States {
    const known = this.#states.find((one) => one.version === version);
    if (known !== undefined) return known.states;
    const states = this.#awareness.since(version);
    remember(this.#states, { version, states });
    return states;
  }
}

/** In a room whose subscribers are all at different positions, there is little to share. */
const MOST_POSITIONS = 16;

function remember<T>(list: T[], one: T): void {
  if (list.length === MOST_POSITIONS) list.shift();
  list.push(one);
}
