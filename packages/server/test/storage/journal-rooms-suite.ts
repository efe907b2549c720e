import { describe, expect, it } from "vitest";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "../../src/conformance/test-storage.ts";
import type { ListedJournal } from "../../src/storage/journal.ts";

/** The contract of a journal that can list the rooms that have rows. */
export function journalRoomsSuite(
  name: string,
  create: () => Promise<TestStorage<ListedJournal>>,
): void {
  describe(`journal rooms: ${name}`, () => {
    const store = useStore(create);
    const append = (rooms: readonly string[]) =>
      store.current.append(rooms.map((room) => ({ room, update: Uint8Array.of(1) })));

    it("are initially empty", async () => {
      expect(await store.current.rooms("", 10)).toEqual([]);
    });

    it("are each listed exactly once across all pages", async () => {
      await append(ODD_ROOM_NAMES);
      await append(ODD_ROOM_NAMES);
      const journal = await store.reopen();
      const found: string[] = [];
      for (;;) {
        const page = await journal.rooms(found.at(-1) ?? "", 4);
        found.push(...page);
        if (page.length < 4) break;
      }
      expect(found.toSorted()).toEqual(ODD_ROOM_NAMES.toSorted());
    });

    it("exclude rooms whose rows are all in a snapshot or deleted", async () => {
      const ids = await append(["a", "b", "c"]);
      await store.current.truncate("a", ids.slice(0, 1));
      await store.current.forget("b");
      expect(await store.current.rooms("", 10)).toEqual(["c"]);
    });
  });
}
