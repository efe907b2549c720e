#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 node --max-semi-space-size=8
import { nodeProblem } from "./runtime/node-version.ts";

// Imports nothing else by itself: on an older Node, the rest fails before it can say why.
const problem = nodeProblem(process.versions.node);
if (problem === undefined) {
  void import("./command.ts");
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
