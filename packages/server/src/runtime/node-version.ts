/** The oldest supported Node version; must match `engines` in package.json. */
export const OLDEST_NODE = "22.16";

/**
 * Returns in one line why this program cannot run on a Node version, or `undefined` if it can.
 *
 * This module has no imports, because other modules may not even load on an older Node.
 *
 * @param version as in `process.versions.node`
 */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `symphony-backend needs Node ${OLDEST_NODE} or later; this is Node ${version}`;
}
