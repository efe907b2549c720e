import type { AccessLevel } from "../auth/access.ts";
import { inspectUpdate, isEmpty } from "../protocol/update.ts";
import type { Origin } from "../room/origin.ts";
import type { Room } from "../room/room.ts";
import { INLINE_SCAN_BYTES } from "../room/update-workers.ts";

/**
 * Whether an update of a client that may not write has to end its connection: an edit that was dropped in
 * silence would look saved. Such clients are never asked what they have; what they return all the same, as
 * sync step 2, is only refused when the room does not have it, and finding out costs what the message holds.
 *
 * @param origin unknown for sync step 2
 * @throws MalformedError
 */
export function isRefused(
  update: Uint8Array,
  origin: Origin,
  level: Exclude<AccessLevel, "read-write">,
  room: Room,
): boolean {
  if (isNothing(update)) return false;
  // A client that may not read is not told what is here either.
  if (origin.kind !== "unknown" || level === "presence-only") return true;
  if (update.length > INLINE_SCAN_BYTES) return true;
  const contents = inspectUpdate(update);
  return !isEmpty(contents) && !room.knows(update, contents);
}

function isNothing(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}
