import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Everything outside this process that has to be cleaned up when it exits. */
const children = new Set<ChildProcess>();
const directories = new Set<string>();

/** Ensures that `child` does not outlive this process. */
export function own(child: ChildProcess): void {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

/** Creates an empty directory, removed by `removeDirectory` or when this process exits. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "symphony-bench-"));
  directories.add(path);
  return path;
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
  directories.delete(path);
}

/** Cleans up when this process exits, also after Ctrl-C. Call it once, before anything else. */
export function cleanUpAtExit(): void {
  process.on("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    for (const path of directories) rmSync(path, { recursive: true, force: true });
  });
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}
