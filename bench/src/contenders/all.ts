import { existsSync } from "node:fs";
import type { Contender } from "./contender.ts";
import { floor } from "./floor.ts";
import { reference } from "./reference.ts";
import { SYMPHONY_ENTRY, symphony } from "./symphony.ts";
import { symphonyCluster } from "./symphony-cluster.ts";

/** What the others are compared with. */
export const REFERENCE = reference.name;

/** In the order in which they run and are printed. */
export const contenders: readonly Contender[] = existsSync(SYMPHONY_ENTRY)
  ? [symphony, symphonyCluster, reference, floor]
  : [reference, floor];
