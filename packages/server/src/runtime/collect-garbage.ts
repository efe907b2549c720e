import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection of so large a heap takes some tenths of a second, and V8 begins one by itself. */
const MOST_HEAP_BYTES = 256 * 1024 * 1024;

let collect: (() => void) | undefined;

/**
 * Gives back the memory of what nobody uses any more, such as buffers. It takes some tens of
 * milliseconds: only for when memory is short. A server with nothing to do would not collect by itself.
 */
export function collectGarbage(): void {
  if (getHeapStatistics().used_heap_size > MOST_HEAP_BYTES) return;
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
