import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's space for new objects at its first size, 1 MB. It would grow to 16 MB and more while
 * many connections or documents are opened at once, and never be given back; what a server holds per
 * connection would then look twice what it is. What it costs is measured in `bench/`.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
