#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 node --max-semi-space-size=8 --no-concurrent-marking
// Committed as it runs, so that npm can link the command in a clone before anything is built.
import { existsSync } from "node:fs";

const command = new URL("../dist/cli.js", import.meta.url);
if (existsSync(command)) {
  await import(command);
} else {
  process.stderr.write("symphony-backend: it is not built yet; run `npm run build` first\n");
  process.exitCode = 1;
}
