import { totalmem } from "node:os";

/**
 * Returns the memory available to this process, in bytes: that of its container or of the machine.
 */
export function memoryOfMachine(): number {
  const total = totalmem();
  // Without a limit, cgroups v1 reports a number larger than any machine's memory, and v2 reports
  // 0.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, total) : total;
}
