/** How the command, `npm start` and the image run Node, for those who start the server's code themselves. */
export const NODE_ARGS: readonly string[] = ["--max-semi-space-size=8"];

/** The environment that goes with it; docs/settings.md says why. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
};
