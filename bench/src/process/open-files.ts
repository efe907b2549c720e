import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Ensures that this process and its children may open `count` files (sockets are files). Node
 * itself uses up to the hard limit; raising the hard limit needs root. Throws if that fails.
 */
export function allowOpenFiles(count: number): void {
  if (openFilesLimit() >= count) return;
  spawnSync("prlimit", [`--nofile=${count}:${count}`, "--pid", String(process.pid)]);
  const limit = openFilesLimit();
  if (limit < count) {
    throw new Error(`needs ${count} open files, but the limit is ${limit}: raise "ulimit -n"`);
  }
}

function openFilesLimit(): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return soft?.[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft?.[1] ?? 0);
}
