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

/** The parts that the application provides itself. */
export function customParts(options: ServerOptions): ReadonlySet<CustomPart> {
  return new Set(PARTS.filter((part) => options[part] !== undefined));
}

/** Closes the application's own stores, each once. Does not reject. */
export async function closeCustomStores({
  journal,
  snapshots,
  metadata,
}: CustomStores): Promise<void> {
  // One object may serve as several stores.
  const custom = new Set([journal, snapshots, metadata]);
  await Promise.allSettled(Array.from(custom, async (store) => store?.close()));
}

/** Closes the application's own access control, if it has one. Does not throw. */
export function closeCustomAccess({ access }: ServerOptions): void {
  if (access === undefined || typeof access === "function") return;
  try {
    access.close();
  } catch {
    // The caller reports why the server could not be started; this error would hide that.
  }
}
