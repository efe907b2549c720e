import { expect, it } from "vitest";
import * as Y from "yjs";
import { start, wsUrl } from "../library/servers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";

/** Larger updates are inspected in a worker. */
const LARGE = 300_000;

function documentOf(length: number): Y.Doc {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "x".repeat(length));
  return doc;
}

it.each([
  ["in format V2", (doc: Y.Doc) => Y.encodeStateAsUpdateV2(doc), "format V2"],
  [
    "made of two concatenated updates",
    (doc: Y.Doc) =>
      Buffer.concat([Y.encodeStateAsUpdate(doc), Y.encodeStateAsUpdate(documentOf(5))]),
    "one update at a time",
  ],
])("rejects an update %s", async (_, encode, reason) => {
  const url = wsUrl(await start());
  for (const length of [10, LARGE]) {
    for (const type of ["update", "step2"] as const) {
      const client = await RawClient.connect(url, "room");
      client.send({ type, update: encode(documentOf(length)) });
      const closed = await client.closed;
      expect(closed.code).toBe(1007);
      expect(closed.reason).toContain(reason);
    }
  }
  expect((await readRoom(url, "room")).getText("text").length).toBe(0);
});
