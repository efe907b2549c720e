import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collecting a heap this large takes some tenths of a second, and V8 does so by itself. */
const MOST_HEAP_BYTES = 256 * 1024 * 1024;

type Collect = (options?: { readonly type: "minor" }) => void;
let collect: Collect | undefined;

/** Frees short-lived objects, such as parts of messages. Takes a millisecond or two. */
export function collectYoungGarbage(): void {
  collector()({ type: "minor" });
}

/**
 * Runs a full garbage collection, unless the heap is large. Takes some tens of milliseconds, so use
 * it only when memory is short. An idle server would not collect by itself.
 */
export function collectGarbage(): void {
  if (getHeapStatistics().used_heap_size < MOST_HEAP_BYTES) collector()();
}

function collector(): Collect {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as Collect;
  }
  return collect;
}
