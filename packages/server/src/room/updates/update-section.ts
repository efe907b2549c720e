import { type DeleteRanges, readDeleteRanges } from "../../protocol/delete-ranges.ts";
import type { StateVector } from "../../protocol/state-vector.ts";
import type { StructReader } from "../../protocol/struct-reader.ts";
import type { CutPoint } from "./cut-struct.ts";
import type { ClientDeletions, Run } from "./update-part.ts";

/** The structs and deletions of one client in an update: those already in parts, and those left. */
export interface Section {
  readonly client: number;
  /** Where its next struct begins, and the clock of that struct. */
  at: number;
  clock: number;
  /** How many structs are left. */
  left: number;
  /** The clock after its last struct. */
  readonly end: number;
  /** How far earlier parts reach into the next struct. */
  cut: CutPoint | null;
  /** The clock below which the recipient of the parts has every struct. */
  have: number;
  /** It is on the stack of the splitter: being taken, or waiting for another section. */
  isActive: boolean;
  /** Its next struct depends on something that is missing. */
  isStuck: boolean;
  /** Its structs in the part being filled, and the number of skips after them. */
  run: Run | null;
  skips: number;
  /** Its deletions in the part being filled. */
  deletions: ClientDeletions | null;
  readonly ranges: DeleteRanges;
  /** Index in `ranges` of its first deletion that is in no part. */
  nextRange: number;
}

/** An update, by client. */
export interface Sections {
  readonly sections: Map<number, Section>;
  /** Deletions for clients of which the update has no structs. */
  readonly otherRanges: Map<number, DeleteRanges>;
}

/**
 * Finds where each client's structs begin.
 *
 * @param reader of the update
 * @param known as for `splitUpdate`
 */
export function readSections(
  update: Uint8Array,
  reader: StructReader,
  known: StateVector | null,
): Sections {
  const found: Omit<Section, "ranges">[] = [];
  let { value: clients, end: at } = reader.numberAt(0);
  for (; clients > 0; clients--) {
    const left = reader.numberAt(at);
    const client = reader.numberAt(left.end);
    const clock = reader.numberAt(client.end);
    at = clock.end;
    let end = clock.value;
    for (let i = 0; i < left.value; i++) {
      reader.readHead(at);
      reader.readContent();
      end += reader.length;
      at = reader.end;
    }
    found.push({
      client: client.value,
      at: clock.end,
      clock: clock.value,
      left: left.value,
      end,
      cut: null,
      have: known === null ? clock.value : (known.get(client.value) ?? 0),
      isActive: false,
      isStuck: false,
      run: null,
      skips: 0,
      deletions: null,
      nextRange: 0,
    });
  }
  const sections = new Map<number, Section>();
  const otherRanges = readDeleteRanges(update.subarray(at));
  for (const section of found) {
    sections.set(section.client, { ...section, ranges: otherRanges.get(section.client) ?? [] });
    otherRanges.delete(section.client);
  }
  return { sections, otherRanges };
}
