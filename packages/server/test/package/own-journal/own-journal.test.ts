import { journalSuite } from "symphony-backend/suites";
import { JournalMemory, MemoryJournal } from "./memory-journal.ts";

journalSuite("of an outside author, in memory", async () => {
  const memory = new JournalMemory();
  return { open: async () => new MemoryJournal(memory), discard: async () => {} };
});
