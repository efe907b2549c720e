/**
 * Returns the URL of a worker's program, next to the module that starts it. Like that module, it is
 * TypeScript when run from source, and JavaScript when built.
 *
 * @param path relative to the module, without extension
 * @param from `import.meta.url` of the module
 */
export function workerUrl(path: string, from: string): URL {
  return new URL(`${path}${from.endsWith(".ts") ? ".ts" : ".js"}`, from);
}
