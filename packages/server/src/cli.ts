#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 node --max-semi-space-size=8 --no-concurrent-marking
import { nodeProblem } from "./runtime/node-version.ts";

// No other static imports: on an older Node they would fail before this check can report why.
const problem = nodeProblem(process.versions.node);
if (problem === undefined) {
  void import("./command.ts");
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
