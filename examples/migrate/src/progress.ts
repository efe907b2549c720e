import type { Tally } from "./migrate.ts";

const EVERY_MS = 1_000;

/** Says once a second how far it is. @returns what ends that */
export function showProgress(tally: Tally, write: (line: string) => void): () => void {
  const timer = setInterval(() => {
    const failed = tally.failures.length > 0 ? `, ${tally.failures.length} failed` : "";
    write(`${tally.done} of ${tally.total} documents, ${sizeOf(tally.bytes)}${failed}\n`);
  }, EVERY_MS);
  return () => clearInterval(timer);
}

/** A number of bytes, for people. */
export function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
