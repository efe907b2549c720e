import type { GivenPart } from "../config/check-config.ts";
import type { ServerOptions } from "../config/server-options.ts";
import type { GivenStores } from "./open-stores.ts";

const PARTS: readonly GivenPart[] = [
  "attachTo",
  "access",
  "journal",
  "snapshots",
  "metadata",
  "bus",
  "registry",
];

/** Which parts an application gives itself. */
export function givenParts(options: ServerOptions): ReadonlySet<GivenPart> {
  return new Set(PARTS.filter((part) => options[part] !== undefined));
}

/** Closes the stores that an application gave, each once. Does not reject. */
export async function closeGivenStores({
  journal,
  snapshots,
  metadata,
}: GivenStores): Promise<void> {
  // One object may be more than one of them.
  const given = new Set([journal, snapshots, metadata]);
  await Promise.allSettled(Array.from(given, async (store) => store?.close()));
}

/** Closes what decides about access, if the application gave that. Does not throw. */
export function closeGivenAccess({ access }: ServerOptions): void {
  if (access === undefined || typeof access === "function") return;
  try {
    access.close();
  } catch {
    // The reason why there is no server is told already.
  }
}
