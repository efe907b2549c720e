/**
 * The file of a worker thread beside the module that starts it. Run from source it is TypeScript
 * like that module; built, it is JavaScript.
 *
 * @param path relative to the module, without extension
 * @param from `import.meta.url` of the module
 */
export function workerUrl(path: string, from: string): URL {
  return new URL(`${path}${from.endsWith(".ts") ? ".ts" : ".js"}`, from);
}
