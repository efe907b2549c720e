import type { Frame } from "./frame.ts";

/** Returns the message in a frame: everything after the header of RFC 6455, section 5.2. */
export function messageOf(frame: Frame): Uint8Array {
  const length = frame[1];
  return frame.subarray(length === 126 ? 4 : length === 127 ? 10 : 2);
}
