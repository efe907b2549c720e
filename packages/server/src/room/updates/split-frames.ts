import { createDecoder } from "lib0/decoding";
import * as Y from "yjs";
import { type Frame, frameDiff, frameUpdate } from "../../protocol/frame.ts";
import { messageOf } from "../../protocol/message-of-frame.ts";
import { decodeStateVector } from "../../protocol/state-vector.ts";
import { takeBytes } from "../../protocol/text.ts";
import { allocateShared, SHARED_BYTES } from "../../runtime/byte-memory.ts";
import { FAST_PART_BYTES, MAX_PART_BYTES, splitUpdate } from "./split-update.ts";

/** Concatenated frames, and where each of them ends. */
export interface FramedParts {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

/** Whether a frame is the answer to a state vector. */
export function isDiff(frame: Frame): boolean {
  const message = messageOf(frame);
  return message[0] === 0 && message[1] === 1;
}

/** Converts an answer to a state vector into an update frame. */
export function asUpdate(frame: Frame): Frame {
  const copy = frame.slice();
  messageOf(copy)[1] = 2;
  return copy;
}

/** The update in a frame of `frameDiff` or `frameUpdate`, as a view. */
export function updateOf(frame: Frame): Uint8Array {
  const decoder = createDecoder(messageOf(frame));
  decoder.pos = 2;
  return takeBytes(decoder);
}

/**
 * Splits an update into parts, as `splitUpdate` does, and frames them.
 *
 * @param known the client's encoded state vector; unless `answers`, what it covers is left out
 * @param answers whether to frame the last part as the answer to a state vector; all others are updates
 * @param forFast whether the parts after the first ones may be larger
 */
export function splitFrames(
  update: Uint8Array,
  known: Uint8Array,
  answers: boolean,
  forFast: boolean,
): FramedParts {
  const vector = decodeStateVector(known);
  const later = forFast ? FAST_PART_BYTES : MAX_PART_BYTES;
  const parts = answers
    ? splitUpdate(update, vector, MAX_PART_BYTES, later)
    : splitUpdate(
        vector.size === 0 ? update : Y.diffUpdate(update, known),
        null,
        MAX_PART_BYTES,
        later,
      );
  const frames = parts.map((part, i) =>
    answers && i === parts.length - 1 ? frameDiff(part).frame : frameUpdate(part).frame,
  );
  const length = frames.reduce((sum, frame) => sum + frame.length, 0);
  const bytes = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
  const ends: number[] = [];
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
    ends.push(at);
  }
  return { bytes, ends };
}
