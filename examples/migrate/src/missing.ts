import * as Y from "yjs";

/** How much of an update is not in a document. Both count the elements that Yjs counts. */
export interface Missing {
  readonly inserted: number;
  readonly deleted: number;
}

/** Where something begins and ends (exclusive) among all that a client wrote. */
type Range = readonly [start: number, end: number];
type Ranges = ReadonlyMap<number, readonly Range[]>;

/**
 * Looks for all that an update inserts and deletes in a document that may hold more. Everything has
 * an id in Yjs, so it suffices to compare these. What lacks something that it depends on counts too,
 * which it would not in a state vector.
 */
export function missingFrom(update: Uint8Array, document: Uint8Array): Missing {
  const wanted = contentsOf(update);
  const there = contentsOf(document);
  return {
    inserted: lengthOutside(wanted.inserted, there.inserted),
    deleted: lengthOutside(wanted.deleted, there.deleted),
  };
}

function contentsOf(update: Uint8Array): { inserted: Ranges; deleted: Ranges } {
  const { structs, ds } = Y.decodeUpdate(update);
  const inserted = new Map<number, Range[]>();
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    const { client, clock } = struct.id;
    add(inserted, client, [clock, clock + struct.length]);
  }
  const deleted = new Map<number, Range[]>();
  for (const [client, items] of ds.clients) {
    for (const { clock, len } of items) add(deleted, client, [clock, clock + len]);
  }
  for (const ranges of [inserted, deleted]) {
    for (const list of ranges.values()) list.sort(([a], [b]) => a - b);
  }
  return { inserted, deleted };
}

function add(ranges: Map<number, Range[]>, client: number, range: Range): void {
  const list = ranges.get(client);
  if (list === undefined) ranges.set(client, [range]);
  else list.push(range);
}

/** The length of what is in some ranges and in none of the others. */
function lengthOutside(wanted: Ranges, there: Ranges): number {
  let outside = 0;
  for (const [client, ranges] of wanted) {
    const covers = there.get(client) ?? [];
    let next = 0;
    for (const [start, end] of ranges) {
      let from = start;
      while (from < end) {
        while ((covers[next]?.[1] ?? Infinity) <= from) next += 1;
        const [coverStart, coverEnd] = covers[next] ?? [end, end];
        outside += Math.max(0, Math.min(coverStart, end) - from);
        from = coverEnd;
      }
    }
  }
  return outside;
}
