import type { Frame } from "../protocol/frame.ts";
import type { Identities } from "./identities.ts";
import type { Entry, Log } from "./log.ts";
import { Reader } from "./reader.ts";

// While the journal is slow a reader's cursor passes updates that its client may have written: these
// are left out, and owed. They are sent when they are durable, or when their author turns out to be
// somebody else. The invariant: what a suspect wrote between `durable` and the cursor was left out,
// all of it.

/**
 * Begins to leave out, from an offset on, what the reader's client may have written.
 *
 * @returns whether an entry is sent; it is asked for every entry that the cursor is about to pass
 */
export function withhold(
  reader: Reader,
  from: number,
  log: Log,
  identities: Identities,
): (entry: Entry) => boolean {
  reader.owedFrom = Math.min(reader.owedFrom, from);
  return ({ author, end }) => {
    if (end <= log.durable || !identities.mayHaveWritten(author, reader)) return true;
    if (author instanceof Reader && author !== reader) {
      reader.suspects ??= new Set();
      reader.suspects.add(author);
    }
    return false;
  };
}

/**
 * What was left out below the cursor and need not be any more.
 *
 * @param pendingFrom the first update that is the reader's own, or anybody's, and is not durable
 */
export function sentLater(
  reader: Reader,
  cursor: number,
  log: Log,
  identities: Identities,
  pendingFrom: number,
): Frame[] {
  if (reader.owedFrom === Number.POSITIVE_INFINITY) return [];
  const { durable } = log;
  const { suspects } = reader;
  const frames: Frame[] = [];
  if (reader.owedFrom < durable) {
    const owed = ({ author }: Entry) =>
      author === reader ||
      author === null ||
      (author !== "elsewhere" && suspects !== null && suspects.has(author));
    frames.push(...log.frames(reader.owedFrom, Math.min(durable, cursor), owed));
    for (const suspect of suspects ?? []) {
      // It is gone, or all that was left out was sent just now.
      if (log.firstBy(suspect, durable) >= cursor) suspects?.delete(suspect);
    }
  }
  if (suspects !== null) {
    const cleared = takeCleared(reader, suspects, identities);
    if (cleared.size > 0) {
      const shown = ({ author }: Entry) => author instanceof Reader && cleared.has(author);
      frames.push(...log.frames(durable, cursor, shown));
    }
  }
  if (reader.suspects !== null) reader.owedFrom = Math.max(reader.owedFrom, durable);
  else reader.owedFrom = pendingFrom < cursor ? pendingFrom : Number.POSITIVE_INFINITY;
  return frames;
}

/** Takes out of the suspects who is known to be somebody else. */
function takeCleared(reader: Reader, suspects: Set<Reader>, identities: Identities): Set<Reader> {
  const cleared = new Set<Reader>();
  for (const suspect of suspects) {
    if (identities.mayHaveWritten(suspect, reader)) continue;
    suspects.delete(suspect);
    cleared.add(suspect);
  }
  if (suspects.size === 0) reader.suspects = null;
  return cleared;
}
