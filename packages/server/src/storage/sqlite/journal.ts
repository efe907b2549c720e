import { handOver } from "../../runtime/byte-memory.ts";
import type { JournalId, JournalRow, ListedJournal, RoomJournal } from "../journal.ts";
import type { JournalCalls } from "./journal-calls.ts";
import type { ThreadShare } from "./thread-share.ts";

/** The journal in `journal.db`. */
export class SqliteJournal implements ListedJournal {
  readonly #share: ThreadShare<JournalCalls>;

  constructor(share: ThreadShare<JournalCalls>) {
    this.#share = share;
  }

  async append(rows: readonly JournalRow[]): Promise<readonly JournalId[]> {
    if (rows.length === 0) return [];
    const { views, transfer } = handOver(rows.map((row) => row.update));
    const rooms = rows.map((row) => row.room);
    const purpose = "append to the journal";
    return this.#share.call("append", [rooms, views], { purpose, transfer });
  }

  read(room: string): Promise<RoomJournal> {
    return this.#share.call("read", [room], { purpose: `read the journal of room "${room}"` });
  }

  truncate(room: string, ids: readonly JournalId[]): Promise<void> {
    const purpose = `truncate the journal of room "${room}"`;
    return this.#share.call("truncate", [room, ids], { purpose });
  }

  forget(room: string): Promise<void> {
    return this.#share.call("forget", [room], { purpose: `delete the journal of room "${room}"` });
  }

  rooms(after: string, limit: number): Promise<readonly string[]> {
    const purpose = "list the rooms of the journal";
    return this.#share.call("rooms", [after, limit], { purpose });
  }

  close(): Promise<void> {
    return this.#share.close();
  }
}
