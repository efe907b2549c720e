import { createDecoder } from "lib0/decoding";
import { AwarenessReader, type AwarenessState } from "../protocol/awareness.ts";
import { type Frame, frameAwareness } from "../protocol/frame.ts";
import { messageOf } from "../protocol/message-of-frame.ts";
import { takeBytes } from "../protocol/text.ts";
import { MAX_PART_BYTES } from "../room/updates/split-update.ts";

const PRESENCE = 1;

/** Split frames, so that a long frame sent to several clients is split once. */
const split: WeakMap<Frame, readonly Frame[]> = new WeakMap();

export function isAwareness(frame: Frame): boolean {
  return messageOf(frame)[0] === PRESENCE;
}

/**
 * Splits an awareness frame into frames about as long as a document part. States are independent of
 * each other, so a client can apply each frame on its own.
 */
export function splitAwareness(frame: Frame): readonly Frame[] {
  if (frame.length <= MAX_PART_BYTES) return [frame];
  const known = split.get(frame);
  if (known !== undefined) return known;
  const frames: Frame[] = [];
  const decoder = createDecoder(messageOf(frame));
  decoder.pos = 1;
  const states = new AwarenessReader(takeBytes(decoder));
  let group: AwarenessState[] = [];
  let bytes = 0;
  const close = () => {
    if (group.length > 0) frames.push(frameAwareness(group));
    group = [];
    bytes = 0;
  };
  while (states.next()) {
    const { client, clock, state } = states;
    if (bytes + state.length > MAX_PART_BYTES) close();
    group.push({ client, clock, state });
    bytes += state.length + 16;
  }
  close();
  split.set(frame, frames);
  return frames;
}
