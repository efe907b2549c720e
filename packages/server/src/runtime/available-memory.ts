import { totalmem } from "node:os";

/** How many bytes this process may use: the limit of its cgroup, or what the machine has. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
