import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { providerVersions, type Session, yWebsocket31 } from "../support/providers.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";

const RATE = 32 * 1024;
/** Providers wait 30 seconds for a complete message. At this rate, this takes 50, and an upload 40. */
const DOCUMENT_BYTES = 50 * RATE;
const UPLOAD_BYTES = 40 * RATE;
const LIMIT_MS = 200_000;
/** One message from the server. */
const PART_BYTES = 64 * 1024;

/** Text without repetition. */
function textOf(bytes: number, seed: string): string {
  let text = "";
  for (let i = 0; text.length < bytes; i++) {
    text += createHash("sha512").update(`${seed}${i}`).digest("base64");
  }
  return text.slice(0, bytes);
}

/** Fills a room with a document by three authors, and returns it. */
async function fill(server: ServerProcess, room: string): Promise<Y.Doc> {
  const doc = new Y.Doc();
  for (let i = 0; i < 3; i++) {
    const author = new Y.Doc();
    Y.applyUpdate(author, Y.encodeStateAsUpdate(doc));
    const text = author.getText("text");
    text.insert(text.length >> 1, textOf(DOCUMENT_BYTES / 3, `author ${i}`));
    text.delete(10 * i, 5);
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(author));
  }
  const client = await RawClient.connect(server.wsUrl, room);
  client.sendStep1();
  client.sendUpdate(Y.encodeStateAsUpdate(doc));
  await waitFor(() => client.document().getText("text").length === doc.getText("text").length, {
    message: "the document is echoed once it is durable",
  });
  await client.close();
  return doc;
}

function failed(sessions: readonly Session[], what: (session: Session) => unknown): () => string {
  return () => sessions.map((one) => `${one.version}: ${what(one)}`).join(", ");
}

it("syncs a 1.6 MB document to every provider, and accepts uploads, at 32 KB/s", {
  timeout: 2 * LIMIT_MS,
}, async () => {
  const server = await startServer();
  const whole = await fill(server, "large");
  const proxy = await TcpProxy.start(server.port);
  proxy.throttle(RATE);
  const slowUrl = `ws://127.0.0.1:${proxy.port}`;
  const colleague = yWebsocket31.open(server.wsUrl, "large", { presence: { name: "colleague" } });
  await waitFor(() => colleague.isSynced, { message: "the colleague is synced" });

  const readers = providerVersions.map((version) =>
    version.open(slowUrl, "large", { presence: null }),
  );
  const writers = providerVersions.map((version, i) => version.open(slowUrl, `upload-${i}`));
  const begin = performance.now();
  await waitFor(() => writers.every(({ isSynced }) => isSynced), {
    message: "all writers are synced",
  });
  for (const [i, writer] of writers.entries()) {
    writer.text.insert(0, textOf(UPLOAD_BYTES, `upload ${i}`));
  }

  // Awareness and the content so far appear long before the document is complete.
  const seesSome = ({ presence, text }: Session) =>
    presence.has(colleague.clientId) && text.toString().length > DOCUMENT_BYTES / 4;
  const syncedAtFirst = new Map<Session, boolean>();
  const look = () => {
    for (const reader of readers) {
      if (seesSome(reader) && !syncedAtFirst.has(reader))
        syncedAtFirst.set(reader, reader.isSynced);
    }
    return syncedAtFirst.size === readers.length;
  };
  await waitFor(look, {
    timeout: LIMIT_MS,
    message: failed(readers, ({ presence, text }) => `${presence.size} ${text.toString().length}`),
  });
  expect([...syncedAtFirst.values()]).not.toContain(true);
  colleague.text.insert(0, "meanwhile: ");
  whole.getText("text").insert(0, "meanwhile: ");
  const expected = whole.getText("text").toString();

  await waitFor(() => readers.every(({ isSynced }) => isSynced), {
    timeout: LIMIT_MS,
    message: failed(readers, ({ isSynced, connections }) => `${isSynced} ${connections}`),
  });
  expect(performance.now() - begin).toBeGreaterThan(35_000);
  for (const reader of readers)
    expect(reader.text.toString().length).toBeGreaterThan(DOCUMENT_BYTES - 20);
  await waitFor(() => readers.every(({ text }) => text.toString() === expected), {
    timeout: LIMIT_MS,
    message: "all readers have the same text",
  });

  const uploads = writers.map((_, i) => yWebsocket31.open(server.wsUrl, `upload-${i}`));
  await waitFor(
    () => uploads.every(({ text }, i) => text.toString() === writers[i]?.text.toString()),
    { timeout: LIMIT_MS, message: failed(writers, ({ connections }) => `${connections}`) },
  );
  for (const one of [...readers, ...writers])
    expect([one.version, one.connections]).toEqual([one.version, 1]);
  for (const one of [...readers, ...writers, ...uploads, colleague]) one.destroy();
  await proxy.close();
  expect(await server.stop()).toBe(0);
});

it("does not resend what arrived before the connection broke", {
  timeout: 2 * LIMIT_MS,
}, async () => {
  const server = await startServer();
  const whole = await fill(server, "large");
  const proxy = await TcpProxy.start(server.port);
  proxy.throttle(4 * RATE);
  const reader = yWebsocket31.open(`ws://127.0.0.1:${proxy.port}`, "large", { presence: null });
  const breaks = 3;
  for (let i = 1; i <= breaks; i++) {
    const enough = (DOCUMENT_BYTES * i) / (breaks + 1);
    await waitFor(() => reader.isConnected && reader.text.toString().length > enough, {
      timeout: LIMIT_MS,
      message: () =>
        `the reader has more than ${enough} characters; it has ${reader.text.toString().length}`,
    });
    proxy.cut();
    await waitFor(() => !reader.isConnected, { message: "the reader is disconnected" });
    proxy.restore();
    proxy.throttle(4 * RATE);
  }
  await waitFor(() => reader.isSynced, { timeout: LIMIT_MS, message: "the reader is synced" });
  expect(reader.text.toString()).toBe(whole.getText("text").toString());
  const again = proxy.bytesDown - DOCUMENT_BYTES;
  expect(again).toBeLessThan(breaks * PART_BYTES + 20_000);
  reader.destroy();
  await proxy.close();
  expect(await server.stop()).toBe(0);
});
