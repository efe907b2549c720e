import { fetchDocument } from "../client/join.ts";
import { SYNC_UPDATE, syncMessage } from "../client/messages.ts";
import type { Endpoint } from "../client/websocket-client.ts";
import { settledResidentBytes } from "../process/sampler.ts";
import { inBatches } from "../workload/in-batches.ts";
import { holdsSample, type SampleDocument, sampleDocument } from "../workload/sample-document.ts";
import { roomName } from "../workload/workload.ts";
import { IdleConnections } from "./idle-connections.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { type ServerUnderTest, withServer } from "./server-under-test.ts";

const DOCUMENT_BYTES = 50_000;
const FETCHES_AT_ONCE = 20;

/** Longer than servers wait before they save and compact what changed. */
const AFTER_WRITING_MS = 40_000;

interface Loaded {
  /** Bytes of memory for all documents. */
  readonly memory: number;
  /** Bytes of memory for as many connections to empty rooms. */
  readonly connections: number;
}

export const openDocuments: Measurement = {
  name: "open-documents",
  title: "Open documents",
  columns: [
    { key: "written", label: "memory ÷ encoded size, after writing", digits: 2, compared: true },
    { key: "loaded", label: "memory ÷ encoded size, loaded from the store", digits: 2 },
    { key: "perDocument", label: "KiB per document, after writing", digits: 1 },
  ],
  bars: [
    {
      text: "memory of an open document at most 1.5 times its encoded size, after writing",
      column: "written",
      of: "value",
      atMost: 1.5,
    },
    {
      text: "memory of an open document at most 1.5 times its encoded size, loaded from the store",
      column: "loaded",
      of: "value",
      atMost: 1.5,
    },
  ],
  minimumRuns: 1,
  takesPart: (contender) => contender.keepsState,
  describe: (settings) =>
    `${settings.documents} open documents of ${DOCUMENT_BYTES / 1000} KB with one client each. The same ` +
    "connections to empty rooms are subtracted, so the figure is the documents alone. Read when memory " +
    `had settled, ${AFTER_WRITING_MS / 1000} s or more after the clients had written the documents, and ` +
    "again after a restart that loads them from the store.",
  run: ({ contender, settings, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.server, async (server) => {
      const sample = sampleDocument(DOCUMENT_BYTES);
      const rooms = Array.from({ length: settings.documents }, (_, index) => roomName(index));
      const written = await writeDocuments(server, rooms, sample);
      const loaded = contender.persists
        ? (await loadDocuments(server, rooms, sample)) - written.connections
        : undefined;
      const encoded = rooms.length * sample.encodedBytes;
      return {
        written: written.memory / encoded,
        loaded: loaded === undefined ? undefined : loaded / encoded,
        perDocument: written.memory / rooms.length / 1024,
      };
    }),
};

async function writeDocuments(
  server: ServerUnderTest,
  rooms: readonly string[],
  sample: SampleDocument,
): Promise<Loaded> {
  const { pid, endpoint } = await server.start();
  const connections = new IdleConnections();
  try {
    const empty = await settledResidentBytes(pid);
    const clients: { send(message: Uint8Array): void }[] = [];
    await connections.join(endpoint, rooms, (client) => clients.push(client));
    const connected = await settledResidentBytes(pid);
    const messages = sample.updates.map((update) => syncMessage(SYNC_UPDATE, update));
    for (const client of clients) for (const message of messages) client.send(message);
    const full = await settledResidentBytes(pid, AFTER_WRITING_MS);
    await checkDocuments(endpoint, rooms, sample);
    connections.check();
    return { memory: full - connected, connections: connected - empty };
  } finally {
    connections.close();
  }
}

/** The memory that the restarted server needs for the documents and their connections. */
async function loadDocuments(
  server: ServerUnderTest,
  rooms: readonly string[],
  sample: SampleDocument,
): Promise<number> {
  const { pid, endpoint } = await server.restart();
  const connections = new IdleConnections();
  try {
    const empty = await settledResidentBytes(pid);
    await connections.join(endpoint, rooms, (_, updates) => checkDocument(updates, sample));
    const full = await settledResidentBytes(pid);
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
