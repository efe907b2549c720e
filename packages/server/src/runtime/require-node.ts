import { ConfigError } from "./config-error.ts";
import { nodeProblem } from "./node-version.ts";

// The library imports this module first, so that on an older Node the application gets this error.
const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
  const error = new ConfigError(problem);
  // One line: the stack inside this package helps no one.
  error.stack = problem;
  throw error;
}
