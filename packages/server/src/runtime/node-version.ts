/** The oldest Node that this program runs on; `engines` in package.json says the same. */
export const OLDEST_NODE = "22.16";

/**
 * Why this program cannot run on a version of Node, in one line; `undefined` when it can.
 *
 * This module imports nothing: what else the program consists of may not even load on an older Node.
 *
 * @param version as in `process.versions.node`
 */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `symphony-backend needs Node ${OLDEST_NODE} or later; this is Node ${version}`;
}
