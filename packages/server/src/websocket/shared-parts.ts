import type { Frame } from "../protocol/frame.ts";
import { messageOf } from "../protocol/message-of-frame.ts";
import type { FramedParts } from "../room/split-frames.ts";
import { MAX_PART_BYTES } from "../room/split-update.ts";
import { isAwareness } from "./awareness-frames.ts";

/** Cuts the update of a frame into frames of parts, in a worker. */
export type SplitFrame = (
  room: string,
  frame: Frame,
  known: Uint8Array,
  forFast: boolean,
) => Promise<FramedParts>;

/**
 * Up to this size an update goes whole: eight seconds at 32 KB/s, and a provider waits for thirty. An
 * editor that is bound to a document before it is `synced` then never sees a part of it.
 */
const MAX_WHOLE_BYTES = 256 * 1024;
/** Parts are kept for so long after their last use: clients often come together. */
const KEEP_MS = 5_000;

/** The parts of one frame, for somebody who sends them. */
export interface PartsUse {
  /** Does not reject: what cannot be split is one part. */
  readonly parts: Promise<readonly Frame[]>;
  /** They are not needed any more. */
  release(): void;
}

interface Kept {
  readonly parts: Promise<readonly Frame[]>;
  users: number;
}

/** Whether a frame has to be sent in parts over a network: it holds a long update. */
export function isLong(frame: Frame): boolean {
  if (frame.length <= MAX_WHOLE_BYTES) return false;
  const [type, step] = messageOf(frame);
  return type === 0 && (step === 1 || step === 2);
}

/**
 * Whether frames go to a client one by one, as it takes them: because one of them is long, or all together
 * are; or because others are on their way like that, which presence may overtake.
 */
export function goesInParts(frames: readonly Frame[], others: boolean): boolean {
  let bytes = 0;
  for (const frame of frames) bytes += frame.length;
  if (bytes > 2 * MAX_PART_BYTES) return true;
  return frames.some((frame) => isLong(frame) || (others && !isAwareness(frame)));
}

/**
 * The parts of long frames: made once for all who are sent them at about the same time, and given up when
 * nobody is.
 */
export class SharedParts {
  readonly #split: SplitFrame;
  /** By frame, those for slow clients and those for fast ones. */
  readonly #kept: readonly [Map<Frame, Kept>, Map<Frame, Kept>] = [new Map(), new Map()];

  constructor(split: SplitFrame) {
    this.#split = split;
  }

  /**
   * @param known what the client has, as for `splitUpdate`
   * @param forFast whether the parts after the first ones may be larger
   */
  use(room: string, frame: Frame, known: Uint8Array, forFast: boolean): PartsUse {
    // Only what a client with nothing is sent is sent to others too.
    if (known.length > 1) {
      return { parts: this.#cut(room, frame, known, forFast), release: () => {} };
    }
    const all = this.#kept[forFast ? 1 : 0];
    const kept = all.get(frame) ?? { parts: this.#cut(room, frame, known, forFast), users: 0 };
    all.set(frame, kept);
    kept.users++;
    const drop = () => {
      if (kept.users === 0 && all.get(frame) === kept) all.delete(frame);
    };
    return {
      parts: kept.parts,
      release: () => {
        kept.users--;
        setTimeout(drop, KEEP_MS).unref();
      },
    };
  }

  async #cut(
    room: string,
    frame: Frame,
    known: Uint8Array,
    forFast: boolean,
  ): Promise<readonly Frame[]> {
    try {
      const { bytes, ends } = await this.#split(room, frame, known, forFast);
      return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
    } catch {
      // The worker took too long, or is closing. A slow client may not get it then; a fast one does.
      return [frame];
    }
  }
}
