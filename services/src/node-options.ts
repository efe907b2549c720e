/**
 * The Node options that the command, `npm start` and the image use, for code that starts the
 * server.
 */
export const NODE_ARGS: readonly string[] = ["--max-semi-space-size=8", "--no-concurrent-marking"];

/** The matching environment; see docs/settings.md for the reasons. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
};
