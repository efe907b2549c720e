import type { AccessLevel } from "../auth/access.ts";
import { inspectUpdate, isEmpty } from "../protocol/update.ts";
import type { Origin } from "../room/origin.ts";
import type { Room } from "../room/room.ts";
import { INLINE_SCAN_BYTES } from "../room/update-workers.ts";

/**
 * Whether an update from a client that may not write must close its connection: an edit dropped silently
 * would look saved. Such clients are never sent a state vector. A sync step 2 that one sends anyway is
 * refused only if it holds something that the room does not; the cost of that check depends on the size
 * of the message.
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
  // A client that may not read must not learn from the response what the room holds.
  if (origin.kind !== "unknown" || level === "presence-only") return true;
  if (update.length > INLINE_SCAN_BYTES) return true;
  const contents = inspectUpdate(update);
  return !isEmpty(contents) && !room.knows(update, contents);
}

function isNothing(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}
