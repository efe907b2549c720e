import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import * as Y from "yjs";
import type { JournalRow } from "../../src/index.ts";
import { MemoryJournal, MemorySnapshots } from "../library/memory-parts.ts";
import { start, wsUrl } from "../library/servers.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";

/** Takes updates, and says that it has them when it is let. */
class HeldJournal extends MemoryJournal {
  readonly rooms: string[] = [];
  readonly #gate = Promise.withResolvers<void>();

  override async append(rows: readonly JournalRow[]) {
    this.rooms.push(...rows.map(({ room }) => room));
    await this.#gate.promise;
    return await super.append(rows);
  }

  open(): void {
    this.#gate.resolve();
  }
}

function textUpdate(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "written");
  return Y.encodeStateAsUpdate(doc);
}

/** Enough for what came to be read and handled. */
async function someTurns(): Promise<void> {
  for (let i = 0; i < 50; i++) await nextTurn();
}

it("takes nothing more from clients once it shuts down, also from those that waited for something", async () => {
  const journal = new HeldJournal();
  const asked = Promise.withResolvers<void>();
  const decided = Promise.withResolvers<void>();
  const server = await start({
    journal,
    snapshots: new MemorySnapshots(),
    access: async ({ room }) => {
      if (room === "late") {
        asked.resolve();
        await decided.promise;
      }
      return { subject: null, level: "read-write", expiresAt: null };
    },
  });
  const writer = await RawClient.connect(wsUrl(server), "room");
  await writer.first("step1");
  writer.sendUpdate(textUpdate());
  await waitFor(() => journal.rooms.includes("room"), { message: "the shutdown has to wait" });
  const late = await RawClient.connect(wsUrl(server), "late");
  await asked.promise;
  late.sendUpdate(textUpdate());
  const closed = server.close();
  await someTurns();
  decided.resolve();
  await late.first("step1");
  await someTurns();
  journal.open();
  await closed;
  expect(journal.rooms).toEqual(["room"]);
});
