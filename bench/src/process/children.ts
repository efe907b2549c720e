import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Everything outside this process that has to be gone when it ends. */
const children = new Set<ChildProcess>();
const directories = new Set<string>();

/** Makes sure that `child` does not outlive this process. */
export function own(child: ChildProcess): void {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

/** An empty directory that is removed by `removeDirectory`, or when this process ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "symphony-bench-"));
  directories.add(path);
  return path;
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
  directories.delete(path);
}

/** Cleans up at the end of this process, also after Ctrl-C. Call it once, first. */
export function cleanUpAtExit(): void {
  process.on("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    for (const path of directories) rmSync(path, { recursive: true, force: true });
  });
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}
