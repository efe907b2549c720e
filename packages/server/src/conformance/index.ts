/**
 * Conformance suites for authors of a custom journal, snapshot store, metadata store, bus or
 * registry. The built-in implementations pass the same suites. They require `vitest` and
 * `fast-check`.
 *
 * ```ts
 * import { journalSuite } from "symphony-backend/suites";
 *
 * journalSuite("of our database", async () => {
 *   const database = await createDatabase();
 *   return { open: () => openJournal(database), discard: () => database.drop() };
 * });
 * ```
 *
 * @packageDocumentation
 */

export { busSuite, type TestBus } from "./bus-suite.ts";
export { journalSuite } from "./journal-suite.ts";
export { metadataSuite } from "./metadata-suite.ts";
export { registrySuite } from "./registry-suite.ts";
export { snapshotsSuite } from "./snapshots-suite.ts";
export { LEASE_MS, RENEW_MS, type SeparateServer, type TestRegistry } from "./test-registry.ts";
export type { TestService } from "./test-service.ts";
export type { TestStorage } from "./test-storage.ts";
