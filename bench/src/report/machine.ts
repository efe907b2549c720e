import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, platform, release, totalmem } from "node:os";
import type { CpuPlan } from "../process/cpus.ts";

const require = createRequire(import.meta.url);

const PACKAGES = [
  "@y/websocket-server",
  "@hocuspocus/server",
  "@hocuspocus/extension-redis",
  "ws",
  "yjs",
];

/** Lists the machine and the versions that the figures depend on, in Markdown. */
export function describeMachine(plan: CpuPlan): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const pinning =
    plan.server === undefined
      ? "server and load generator share the cores (no `taskset`, or one core only)"
      : `server on core ${plan.server}, load generator on core ${plan.generator}`;
  return [
    `- ${cores.length} × ${cores[0]?.model ?? "unknown processor"}, ${memory} GiB`,
    `- ${platform()} ${release()} ${arch()}, Node ${process.versions.node}`,
    `- ${pinning}`,
    `- ${PACKAGES.map((name) => `${name} ${version(name)}`).join(", ")}`,
  ].join("\n");
}

/** Finds the manifest by path, because not every package exports its package.json. */
function version(name: string): string {
  for (const directory of require.resolve.paths(name) ?? []) {
    const text = readIfPresent(`${directory}/${name}/package.json`);
    if (text === undefined) continue;
    const { version }: { version?: unknown } = JSON.parse(text);
    return String(version);
  }
  return "unknown";
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A folder on the search path without this package.
    return undefined;
  }
}
