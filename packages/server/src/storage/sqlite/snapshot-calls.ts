import type { Snapshot, SnapshotVersion } from "../snapshots.ts";

/** What the thread that owns `snapshots.db` can be asked to do. */
export interface SnapshotCalls {
  open(): void;
  read(room: string): Snapshot | null;
  write(room: string, update: Uint8Array, expected: SnapshotVersion | null): SnapshotVersion;
  delete(room: string): void;
}
