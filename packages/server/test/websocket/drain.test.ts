import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { MemoryStore } from "../../src/index.ts";
import { start, wsUrl } from "../library/servers.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { withOverrides } from "../support/wrap-part.ts";

function textUpdate(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "written");
  return Y.encodeStateAsUpdate(doc);
}

/** Long enough for received messages to be read and handled. */
async function someTurns(): Promise<void> {
  for (let i = 0; i < 50; i++) await nextTurn();
}

it("accepts no updates while shutting down, even from clients still waiting for authorization", async () => {
  const store = new MemoryStore();
  const inner = store.openJournal();
  /** The rooms of the updates passed to the journal. It writes them once it is released. */
  const appended: string[] = [];
  const released = Promise.withResolvers<void>();
  const journal = withOverrides(inner, {
    append: async (rows) => {
      appended.push(...rows.map(({ room }) => room));
      await released.promise;
      return inner.append(rows);
    },
  });
  const asked = Promise.withResolvers<void>();
  const decided = Promise.withResolvers<void>();
  const server = await start({
    journal,
    snapshots: store.openSnapshots(),
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
  await waitFor(() => appended.includes("room"), {
    message: "the journal write that delays the shutdown has started",
  });
  const late = await RawClient.connect(wsUrl(server), "late");
  await asked.promise;
  late.sendUpdate(textUpdate());
  const closed = server.close();
  await someTurns();
  decided.resolve();
  await late.first("step1");
  await someTurns();
  released.resolve();
  await closed;
  expect(appended).toEqual(["room"]);
});
