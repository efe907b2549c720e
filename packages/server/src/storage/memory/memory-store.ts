import type { ListedJournal } from "../journal.ts";
import type { SnapshotStore } from "../snapshots.ts";
import { JournalTable, MemoryJournal } from "./journal.ts";
import { MemorySnapshots, SnapshotTable } from "./snapshots.ts";

/**
 * Journals and snapshots in the memory of this process, for tests: they keep the promises of `Journal` and
 * `SnapshotStore` among the servers of the process, and end with it. Each server opens its own, and closing
 * them leaves those of others, and what is stored, as they are. So a test can restart a server, or look at
 * what it has stored.
 *
 * ```ts
 * const store = new MemoryStore();
 * const symphony = await createServer({
 *   journal: store.openJournal(),
 *   snapshots: store.openSnapshots(),
 * });
 * ```
 */
export class MemoryStore {
  readonly #journal: JournalTable = new JournalTable();
  readonly #snapshots: SnapshotTable = new SnapshotTable();

  /** One more journal on the same rows. */
  openJournal(): ListedJournal {
    return new MemoryJournal(this.#journal);
  }

  /** One more store of the same snapshots. */
  openSnapshots(): SnapshotStore {
    return new MemorySnapshots(this.#snapshots);
  }
}
