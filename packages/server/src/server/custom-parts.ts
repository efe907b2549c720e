import type { CustomPart } from "../config/check-config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import type { CustomStores } from "./open-stores.ts";

const PARTS: readonly CustomPart[] = [
  "attachTo",
  "access",
  "journal",
  "snapshots",
  "metadata",
  "bus",
  "registry",
];

/** Which parts an application gives itself. */
export function customParts(options: ServerOptions): ReadonlySet<CustomPart> {
  return new Set(PARTS.filter((part) => options[part] !== undefined));
}

/** Closes the stores that an application gave, each once. Does not reject. */
export async function closeCustomStores({
  journal,
  snapshots,
  metadata,
}: CustomStores): Promise<void> {
  // One object may be more than one of them.
  const custom = new Set([journal, snapshots, metadata]);
  await Promise.allSettled(Array.from(custom, async (store) => store?.close()));
}

/** Closes what decides about access, if the application gave that. Does not throw. */
export function closeCustomAccess({ access }: ServerOptions): void {
  if (access === undefined || typeof access === "function") return;
  try {
    access.close();
  } catch {
    // The reason why there is no server is told already.
  }
}
