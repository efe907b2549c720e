import { existsSync } from "node:fs";
import type { Contender } from "./contender.ts";
import { floor } from "./floor.ts";
import { floorRedis } from "./floor-redis.ts";
import { hocuspocus } from "./hocuspocus.ts";
import { hocuspocusRedis } from "./hocuspocus-redis.ts";
import { reference } from "./reference.ts";
import { SYMPHONY_ENTRY, symphony } from "./symphony.ts";
import { symphonyCluster } from "./symphony-cluster.ts";
import { symphonyClusterOfThree } from "./symphony-cluster-of-three.ts";
import { symphonyClusterOfTwo } from "./symphony-cluster-of-two.ts";

/** The contender that others are compared with, unless a measurement names another one. */
export const REFERENCE = reference.name;

const others: readonly Contender[] = [reference, hocuspocus, hocuspocusRedis, floor, floorRedis];

/** All contenders, in the order in which they run and are printed. */
export const contenders: readonly Contender[] = existsSync(SYMPHONY_ENTRY)
  ? [symphony, symphonyCluster, symphonyClusterOfTwo, symphonyClusterOfThree, ...others]
  : others;
