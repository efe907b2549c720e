import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { ROOT } from "./dockerfile.ts";

/** The files in the build context: those of the repository that are not ignored. */
export function buildContext(): string[] {
  const isIgnored = readIgnore();
  const list = execFileSync("git", ["ls-files", "-z", "-c", "-o", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return list.split("\0").filter((path) => existsSync(ROOT + path) && !isIgnored(path));
}

/** Reads `.dockerignore` as Docker does: the last matching pattern decides. */
function readIgnore(): (path: string) => boolean {
  const patterns = readFileSync(`${ROOT}.dockerignore`, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ ignores: !line.startsWith("!"), form: formOf(line.replace(/^!/, "")) }));
  return (path) => patterns.findLast(({ form }) => form.test(path))?.ignores ?? false;
}

/** A pattern matches a path and everything below it. */
function formOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*)/).map((part) => {
    if (part === "**/") return "(?:.*/)?";
    return part === "*" ? "[^/]*" : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}(?:/|$)`);
}
