import type { JournalId, RoomJournal } from "../journal.ts";

/** The calls served by the thread that owns `journal.db`. */
export interface JournalCalls {
  open(): void;
  append(rooms: readonly string[], updates: readonly Uint8Array[]): readonly JournalId[];
  read(room: string): RoomJournal;
  truncate(room: string, ids: readonly JournalId[]): void;
  rooms(after: string, limit: number): readonly string[];
  forget(room: string): void;
}
