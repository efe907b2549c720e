import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { Text } from "yjs";

/** Replaces `deleted` characters at `position` with `inserted`. Counts code points. */
export type Patch = readonly [position: number, deleted: number, inserted: string];

/** What one person typed. */
export interface SequentialTrace {
  readonly startContent: string;
  readonly endContent: string;
  readonly patches: readonly Patch[];
}

/** What several people typed concurrently. */
export interface ConcurrentTrace {
  readonly endContent: string;
  readonly numAgents: number;
  readonly txns: readonly ConcurrentTransaction[];
}

export interface ConcurrentTransaction {
  /** The transactions whose resulting document this one applies to. */
  readonly parents: readonly number[];
  readonly agent: number;
  readonly patches: readonly Patch[];
}

const DIRECTORY =
  process.env.TRACES_DIR ?? fileURLToPath(new URL("../../../../../shared/traces", import.meta.url));

/** Why the recordings, which are not in the repository, cannot be replayed here; otherwise `null`. */
export const tracesMissing: string | null = existsSync(DIRECTORY)
  ? null
  : `the recorded editing sessions are not at ${DIRECTORY} (set TRACES_DIR)`;

export function loadSequential(name: string): SequentialTrace {
  const { startContent, endContent, txns } = load(name) as {
    startContent: string;
    endContent: string;
    txns: { patches: Patch[] }[];
  };
  return { startContent, endContent, patches: txns.flatMap((txn) => txn.patches) };
}

export function loadConcurrent(name: string): ConcurrentTrace {
  const trace = load(name) as ConcurrentTrace & { kind: unknown };
  if (trace.kind !== "concurrent") throw new Error(`${name} is not a concurrent trace`);
  return trace;
}

/**
 * Applies a patch, whose positions count code points, to a text, which counts UTF-16 units.
 *
 * @param wide whether the text may ever contain a character of two units; only then do the two counts
 *   differ, and the text must be scanned
 */
export function applyPatch(text: Text, [position, deleted, inserted]: Patch, wide: boolean): void {
  let start = position;
  let length = deleted;
  if (wide) {
    const characters = [...text.toString()];
    start = characters.slice(0, position).join("").length;
    length = characters.slice(position, position + deleted).join("").length;
  }
  if (length > 0) text.delete(start, length);
  if (inserted !== "") text.insert(start, inserted);
}

/** Whether any of the patches inserts a character of two UTF-16 units. */
export function isWide(patches: Iterable<Patch>): boolean {
  for (const [, , inserted] of patches) if (/[\u{10000}-\u{10ffff}]/u.test(inserted)) return true;
  return false;
}

function load(name: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(join(DIRECTORY, `${name}.json.gz`))).toString("utf8"));
}
