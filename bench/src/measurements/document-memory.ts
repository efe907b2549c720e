import { fetchDocument } from "../client/join.ts";
import { SYNC_UPDATE, syncMessage } from "../client/messages.ts";
import type { Endpoint, WebSocketClient } from "../client/websocket-client.ts";
import { settledResidentBytes } from "../process/sampler.ts";
import { inBatches } from "../workload/in-batches.ts";
import { holdsSample, type SampleDocument, sampleDocument } from "../workload/sample-document.ts";
import { roomName } from "../workload/workload.ts";
import { IdleConnections } from "./idle-connections.ts";
import type { RunContext } from "./measurement.ts";
import { type ServerUnderTest, withServer } from "./server-under-test.ts";

export const DOCUMENT_BYTES = 50_000;

const FETCHES_AT_ONCE = 20;

/** Longer than servers wait before they store and compact changed documents. */
const AFTER_WRITING_MS = 40_000;

/** For descriptions. */
export const WHEN_MEASURED =
  `Read once memory had settled, at least ${AFTER_WRITING_MS / 1000} s after the clients had written ` +
  "the documents, and again after a restart that loads them from the store.";

/** In bytes, each above the memory of the same server when empty. */
export interface DocumentMemory {
  /** The encoded size of the documents. */
  readonly encoded: number;
  /** The same number of connections to empty rooms. */
  readonly connections: number;
  /** The documents and their connections, after clients wrote them. */
  readonly written: number;
  /** The same after a restart; undefined for a contender that stores nothing. */
  readonly loaded: number | undefined;
}

/** Opens the documents with one client each. Rejects if a document is incomplete. */
export function measureDocumentMemory(
  { contender, cpus }: RunContext,
  documents: number,
): Promise<DocumentMemory> {
  return withServer(contender, cpus.server, async (server) => {
    const sample = sampleDocument(DOCUMENT_BYTES);
    const rooms = Array.from({ length: documents }, (_, index) => roomName(index));
    const written = await writeDocuments(server, rooms, sample);
    const loaded = contender.persists ? await loadDocuments(server, rooms, sample) : undefined;
    return { ...written, loaded, encoded: documents * sample.encodedBytes };
  });
}

async function writeDocuments(
  server: ServerUnderTest,
  rooms: readonly string[],
  sample: SampleDocument,
): Promise<Pick<DocumentMemory, "connections" | "written">> {
  const { pids, endpoint } = await server.start();
  const connections = new IdleConnections();
  try {
    const empty = await settledResidentBytes(pids);
    const clients: WebSocketClient[] = [];
    await connections.join(endpoint, rooms, (client) => clients.push(client));
    const connected = await settledResidentBytes(pids);
    const messages = sample.updates.map((update) => syncMessage(SYNC_UPDATE, update));
    for (const client of clients) for (const message of messages) client.send(message);
    const full = await settledResidentBytes(pids, AFTER_WRITING_MS);
    await checkDocuments(endpoint, rooms, sample);
    connections.check();
    return { connections: connected - empty, written: full - empty };
  } finally {
    connections.close();
  }
}

async function loadDocuments(
  server: ServerUnderTest,
  rooms: readonly string[],
  sample: SampleDocument,
): Promise<number> {
  const { pids, endpoint } = await server.restart();
  const connections = new IdleConnections();
  try {
    const empty = await settledResidentBytes(pids);
    await connections.join(endpoint, rooms, (_, updates) => checkDocument(updates, sample));
    const full = await settledResidentBytes(pids);
    connections.check();
    return full - empty;
  } finally {
    connections.close();
  }
}

async function checkDocuments(
  endpoint: Endpoint,
  rooms: readonly string[],
  sample: SampleDocument,
): Promise<void> {
  await inBatches(rooms, FETCHES_AT_ONCE, async (room) => {
    checkDocument(await fetchDocument(endpoint, room), sample);
  });
}

function checkDocument(updates: readonly Buffer[], sample: SampleDocument): void {
  if (!holdsSample(updates, sample)) throw new Error("a document is incomplete");
}
