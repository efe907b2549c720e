import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection of so large a heap takes some tenths of a second, and V8 begins one by itself. */
const MOST_HEAP_BYTES = 256 * 1024 * 1024;

type Collect = (options?: { readonly type: "minor" }) => void;
let collect: Collect | undefined;

/** Gives back what was used for a short time, such as pieces of messages. It takes a millisecond or two. */
export function collectYoungGarbage(): void {
  collector()({ type: "minor" });
}

/**
 * Gives back the memory of all that nobody uses any more. It takes some tens of milliseconds: only for
 * when memory is short. A server with nothing to do would not collect by itself.
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
