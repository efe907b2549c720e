import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(new URL("./redis-child.ts", import.meta.url));
const TIMEOUT_MS = 15_000;

/**
 * Runs a process that opens a bus, uses it once and closes it.
 *
 * @returns `works`, or the problem of the bus
 * @throws Error if the process does not exit by itself afterwards
 */
export async function useBusInChild(
  urls: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...urls], {
    env: { ...process.env, ...env },
    timeout: TIMEOUT_MS,
  });
  return stdout;
}
