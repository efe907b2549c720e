import { ConfigError } from "./config-error.ts";
import { nodeProblem } from "./node-version.ts";

// The library imports this module first: on an older Node, it is what the application gets to know.
const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
  const error = new ConfigError(problem);
  // One line: where in this package it was thrown helps nobody.
  error.stack = problem;
  throw error;
}
