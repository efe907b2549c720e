import type { Logger } from "pino";
import type { Frame } from "../protocol/frame.ts";
import { messageOf } from "../protocol/message-of-frame.ts";
import type { FramedParts } from "../room/updates/split-frames.ts";
import { MAX_PART_BYTES } from "../room/updates/split-update.ts";
import { reasonOf } from "../runtime/reason.ts";
import { withoutRepeats } from "../runtime/without-repeats.ts";
import { isAwareness } from "./awareness-frames.ts";

/** Splits the update of a frame into frames with parts of it, in a worker. */
export type SplitFrame = (
  room: string,
  frame: Frame,
  known: Uint8Array,
  forFast: boolean,
) => Promise<FramedParts>;

/**
 * Updates up to this size are sent whole: that takes eight seconds at 32 KB/s, and providers wait for
 * thirty. So an editor bound to a document before it is `synced` never sees only part of it.
 */
const MAX_WHOLE_BYTES = 256 * 1024;
/** How long to keep parts after their last use, because clients often connect together. */
const KEEP_MS = 5_000;

/** One sender's use of the parts of a frame. */
export interface PartsUse {
  /** Does not reject: a frame that cannot be split is one part. */
  readonly parts: Promise<readonly Frame[]>;
  /** The sender no longer needs them. */
  release(): void;
}

interface Kept {
  readonly parts: Promise<readonly Frame[]>;
  users: number;
}

/** Whether a frame holds an update so long that it must be sent in parts. */
export function isLong(frame: Frame): boolean {
  if (frame.length <= MAX_WHOLE_BYTES) return false;
  const [type, step] = messageOf(frame);
  return type === 0 && (step === 1 || step === 2);
}

/**
 * Whether to send frames one at a time, as the client takes them: because one of them is long, because
 * all of them together are, or because others are already being sent in parts. Only awareness may
 * overtake those.
 */
export function goesInParts(frames: readonly Frame[], others: boolean): boolean {
  let bytes = 0;
  for (const frame of frames) bytes += frame.length;
  if (bytes > 2 * MAX_PART_BYTES) return true;
  return frames.some((frame) => isLong(frame) || (others && !isAwareness(frame)));
}

/**
 * The parts of long frames, split once for all clients that are sent a frame at about the same time, and
 * dropped some seconds after their last use.
 */
export class SharedParts {
  readonly #split: SplitFrame;
  readonly #logger: Logger;
  /** By frame: parts for slow clients, and parts for fast ones. */
  readonly #kept: readonly [Map<Frame, Kept>, Map<Frame, Kept>] = [new Map(), new Map()];

  constructor(split: SplitFrame, logger: Logger) {
    this.#split = split;
    this.#logger = withoutRepeats(logger);
  }

  /**
   * @param known the client's state vector, as for `splitUpdate`
   * @param forFast whether the parts after the first ones may be larger
   */
  use(room: string, frame: Frame, known: Uint8Array, forFast: boolean): PartsUse {
    // Only an answer to an empty client is shared with others.
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
    } catch (error) {
      // A fast client copes with the whole frame; a slow one may not.
      this.#logger.warn(
        { room, bytes: frame.length, reason: reasonOf(error) },
        "cannot split a long message, sending it whole: slow clients may time out",
      );
      return [frame];
    }
  }
}
