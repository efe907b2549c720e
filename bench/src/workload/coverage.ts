import { ByteReader } from "../client/byte-reader.ts";
import { visitRanges } from "../client/update-ranges.ts";

interface Range {
  readonly from: number;
  to: number;
}

/** Whether encoded updates together contain everything that `client` wrote before `clocks`. */
export function coversAll(updates: readonly Buffer[], client: number, clocks: number): boolean {
  const ranges: Range[] = [];
  const reader = new ByteReader();
  for (const update of updates) {
    reader.reset(update, 0, update.length);
    visitRanges(reader, (author, clock, length) => {
      if (author !== client) return;
      const last = ranges.at(-1);
      if (last?.to === clock) last.to += length;
      else ranges.push({ from: clock, to: clock + length });
    });
  }
  ranges.sort((a, b) => a.from - b.from);
  let covered = 0;
  for (const { from, to } of ranges) {
    if (from > covered) return false;
    covered = Math.max(covered, to);
  }
  return covered === clocks;
}
