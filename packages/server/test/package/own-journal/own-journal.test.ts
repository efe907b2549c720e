import { journalSuite } from "symphony-backend/suites";
import { JournalMemory, MemoryJournal } from "./memory-journal.ts";

journalSuite("in memory, by an outside author", async () => {
  const memory = new JournalMemory();
  return { open: async () => new MemoryJournal(memory), discard: async () => {} };
});
