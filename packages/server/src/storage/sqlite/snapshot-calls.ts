import type { Snapshot, SnapshotVersion } from "../snapshots.ts";

/** The calls served by the thread that owns `snapshots.db`. */
export interface SnapshotCalls {
  open(): void;
  read(room: string): Snapshot | null;
  write(room: string, update: Uint8Array, expected: SnapshotVersion | null): SnapshotVersion;
  delete(room: string): void;
}
