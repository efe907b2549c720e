import * as Y from "yjs";
import { type FramedUpdate, frameDiff } from "../../protocol/frame.ts";
import { encodeStateVector, stateVectorOf } from "../../protocol/state-vector.ts";
import { EMPTY_UPDATE, inspectUpdate } from "../../protocol/update.ts";
import { allocateShared, SHARED_BYTES } from "../../runtime/byte-memory.ts";
import { applyUpdates } from "../updates/apply-updates.ts";
import { type MergeMass, massOf } from "../updates/merge-cost.ts";
import { mergeUpdates } from "../updates/merge-updates.ts";
import { type BaseIndex, indexBase } from "./base-index.ts";

/**
 * The compacted state of a document: one encoded update, framed as the answer to a client with an empty
 * document.
 */
export interface Base extends FramedUpdate {
  /** Its clients are in descending order. */
  readonly stateVector: Uint8Array;
  readonly index: BaseIndex;
  /** How much there is to merge in it. */
  readonly mass: MergeMass;
}

/** The base of a document that was never written to. */
export const EMPTY_BASE: Base = {
  ...frameDiff(EMPTY_UPDATE),
  stateVector: Uint8Array.of(0),
  index: indexBase(Uint8Array.of(0), Uint8Array.of(0)),
  mass: { joints: 0, parts: 0 },
};

/**
 * How a document is compacted: `join` joins what was typed in one go, and `collect` drops deleted content
 * as well.
 */
export type Compaction = "join" | "collect";

/**
 * Merges updates into a base.
 *
 * @param how a compaction builds a `Y.Doc` from them; `merge` merges them as they are, which is cheaper
 *   for few updates
 * @param source `stores`: the updates have not been validated yet, and invalid data must not be taken
 *   for an empty update
 * @throws MalformedError or Yjs's own error if they cannot be merged
 */
export function makeBase(
  updates: readonly Uint8Array[],
  how: Compaction | "merge",
  source: "log" | "stores" = "log",
): Base {
  if (source === "stores") for (const update of updates) inspectUpdate(update);
  const update = how === "merge" ? mergeUpdates(updates) : integrate(updates, how);
  const contents = inspectUpdate(update);
  const framed = frameDiff(update, update.length < SHARED_BYTES ? undefined : allocateShared);
  const stateVector = encodeStateVector(stateVectorOf(contents.runs));
  const deletes = framed.update.subarray(contents.deletesAt);
  return {
    ...framed,
    stateVector,
    index: indexBase(stateVector, deletes),
    mass: massOf(contents),
  };
}

/**
 * The state that results from the updates, including what is pending for lack of dependencies. Updates
 * that Yjs can decode but not integrate are merged unchanged: nothing that was accepted is dropped.
 */
function integrate(updates: readonly Uint8Array[], how: Compaction): Uint8Array {
  const doc = new Y.Doc({ gc: how === "collect" });
  try {
    applyUpdates(doc, updates);
    return Y.encodeStateAsUpdate(doc);
  } catch {
    // Yjs throws an internal assertion here for a forged update; there is nothing else to do about it.
    return mergeUpdates(updates);
  } finally {
    doc.destroy();
  }
}
