import { totalmem } from "node:os";

/** What this process may use, in bytes: what its container has, or the machine. */
export function memoryOfMachine(): number {
  const total = totalmem();
  // Without a limit, version 1 of cgroups says a number that no machine has, and version 2 says 0.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, total) : total;
}
