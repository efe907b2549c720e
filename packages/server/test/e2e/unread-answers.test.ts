import { beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

// Requests of a client that does not read are coalesced into one, answered once the client reads again.

const QUESTIONS = 300;
/** An awareness state of nearly the largest size; 600 of them are 36 MB. */
const FILLING = "x".repeat(60_000);
/** More than the kernel's buffers hold on both sides. */
const DOCUMENT_BYTES = 16_000_000;

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer();
});

function countOf(client: RawClient, type: string): number {
  return client.messages.filter((message) => message.type === type).length;
}

/** Opens a room with a large document, an author with awareness, and a client that stops reading. */
async function stalled(room: string): Promise<{ author: RawClient; client: RawClient }> {
  const doc = new Y.Doc();
  doc.getMap("map").set("large", "x".repeat(DOCUMENT_BYTES));
  const author = await RawClient.connect(server.wsUrl, room);
  author.sendPresence({ client: 5, clock: 1, state: { name: "somebody", filling: FILLING } });
  author.sendStep1();
  await author.first("step2");
  author.sendUpdate(Y.encodeStateAsUpdate(doc));
  await author.first("update");
  const client = await RawClient.connect(server.wsUrl, room);
  client.sendPresence({ client: 6, clock: 1, state: {} });
  await waitFor(() => client.presenceOf(5), { message: "the client sees the author's awareness" });
  client.pause();
  client.sendStep1();
  return { author, client };
}

it("coalesces the state vectors of a client that does not read", async () => {
  const { author, client } = await stalled("vectors");
  for (let i = 0; i < QUESTIONS; i++) client.sendStep1();
  // A state vector with many clients is not queued; reading stops instead.
  const large = new Y.Doc();
  for (let id = 1; id <= 4_000; id++) {
    large.clientID = id;
    large.getMap("map").set("key", id);
  }
  client.sendStep1(Y.encodeStateVector(large));
  client.sendStep1();
  await author.ping();
  client.resume();
  await waitFor(() => countOf(client, "step2") >= 2, { message: "the state vectors are answered" });
  await client.ping();
  expect(countOf(client, "step2")).toBeLessThan(10);
  expect(client.document().getMap("map").get("large")).toHaveLength(DOCUMENT_BYTES);
  // The client still receives updates.
  const doc = new Y.Doc();
  doc.getMap("map").set("later", 1);
  author.sendUpdate(Y.encodeStateAsUpdate(doc));
  await waitFor(() => client.document().getMap("map").get("later") === 1, {
    message: "the client receives the new update",
  });
  await Promise.all([author.close(), client.close()]);
});

it("coalesces the awareness queries of a client that does not read", async () => {
  const { author, client } = await stalled("presence");
  const before = countOf(client, "presence");
  for (let i = 0; i < 2 * QUESTIONS; i++) client.send({ type: "query" });
  await author.ping();
  author.sendPresence({ client: 5, clock: 2, state: { name: "somebody else" } });
  await author.ping();
  client.resume();
  await waitFor(
    () => JSON.stringify(client.presenceOf(5)?.state) === JSON.stringify({ name: "somebody else" }),
    { message: "the client sees the author's new awareness" },
  );
  await client.ping();
  // Requests in the kernel's buffers on both sides were answered one by one.
  expect(countOf(client, "presence") - before).toBeLessThan(QUESTIONS);
  await Promise.all([author.close(), client.close()]);
});
