import { handOver } from "../../runtime/byte-memory.ts";
import type { Snapshot, SnapshotStore, SnapshotVersion } from "../snapshots.ts";
import type { SnapshotCalls } from "./snapshot-calls.ts";
import type { ThreadShare } from "./thread-share.ts";

/** The snapshots in `snapshots.db`. */
export class SqliteSnapshots implements SnapshotStore {
  readonly #share: ThreadShare<SnapshotCalls>;

  constructor(share: ThreadShare<SnapshotCalls>) {
    this.#share = share;
  }

  read(room: string): Promise<Snapshot | null> {
    const purpose = `read the snapshot of room "${room}"`;
    return this.#share.call("read", [room], { purpose });
  }

  write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion> {
    const { views, transfer } = handOver([update]);
    const purpose = `write the snapshot of room "${room}"`;
    return this.#share.call("write", [room, views[0] ?? update, expected], {
      purpose,
      transfer,
    });
  }

  delete(room: string): Promise<void> {
    const purpose = `delete the snapshot of room "${room}"`;
    return this.#share.call("delete", [room], { purpose });
  }

  close(): Promise<void> {
    return this.#share.close();
  }
}
