import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Logger } from "pino";
import { aloneBus, aloneRegistry } from "./cluster/alone.ts";
import type { Config } from "./config.ts";
import { Gateway } from "./connections/gateway.ts";
import { Documents } from "./document/documents.ts";
import { createApp } from "./http/app.ts";
import { Health } from "./http/health.ts";
import { MetadataWriter } from "./storage/metadata-writer.ts";
import { openSqliteStore, type SqliteStore } from "./storage/sqlite/open.ts";

/** How long a drain may take in all; container platforms kill after 30 seconds. */
const DRAIN_MS = 25_000;
/** How long a drain waits for the journal before it closes the connections all the same. */
const DURABLE_MS = 10_000;
/** How long clients have to answer the close of their connection. */
const GOODBYE_MS = 3_000;

/** A server that is running. */
export interface RunningServer {
  /** `http://host:port` */
  readonly url: string;
  /**
   * Takes no new connections, makes everything durable, closes the clients with 1012, stores
   * snapshots, and releases everything, all within 25 seconds.
   *
   * @returns whether every update that was received is durable
   */
  drain(): Promise<boolean>;
}

/**
 * Builds the parts that the configuration asks for, and serves.
 *
 * @throws StorageError when the store cannot be opened, or the error of the socket when it cannot
 *   listen; everything begun is released then
 */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  const store = await openSqliteStore(config.DATA_DIR, logger);
  const health = new Health();
  const http = createServer(getRequestListener(createApp(health).fetch));
  try {
    http.listen(config.PORT, config.HOST);
    await once(http, "listening");
  } catch (error) {
    await store.close();
    throw error;
  }
  const { port } = http.address() as AddressInfo;
  const host = config.HOST.includes(":") ? `[${config.HOST}]` : config.HOST;
  const address = `${host}:${port}`;
  const now = Date.now();
  const metadata = new MetadataWriter(store.metadata, logger);
  store.metadata.closeConnectionsOf(address, now).catch((error: unknown) => {
    logger.warn({ err: error }, "connections of an earlier run stay recorded as open");
  });
  const documents = new Documents({
    stores: store,
    registry: aloneRegistry,
    bus: aloneBus,
    metadata,
    logger,
    snapshotInterval: config.SNAPSHOT_INTERVAL_MS,
    unloadDelay: config.UNLOAD_DELAY_MS,
    collect: config.GC,
  });
  const gateway = new Gateway({
    documents,
    metadata,
    logger,
    server: address,
    maxMessageBytes: config.MAX_MESSAGE_BYTES,
    maxDocumentBytes: config.MAX_DOCUMENT_BYTES,
    maxConnectionsPerRoom: config.MAX_CONNECTIONS_PER_ROOM,
  });
  let draining = false;
  health.watch("server", () => (draining ? "the server is shutting down" : undefined));
  health.watch("journal", () => documents.journal.problem);
  health.watch("snapshots", () => documents.snapshotProblem);
  gateway.attach(http);
  return {
    url: `http://${address}`,
    drain: async () => {
      draining = true;
      return drain({ gateway, documents, metadata, store, http, logger });
    },
  };
}

async function drain(parts: {
  gateway: Gateway;
  documents: Documents;
  metadata: MetadataWriter;
  store: SqliteStore;
  http: HttpServer;
  logger: Logger;
}): Promise<boolean> {
  const { gateway, documents, metadata, store, http, logger } = parts;
  const deadline = AbortSignal.timeout(DRAIN_MS);
  logger.info({ connections: gateway.connections.size, documents: documents.size }, "draining");
  gateway.refuse();
  gateway.stopReading();
  const durable = await within(DURABLE_MS, documents.journal.flush());
  if (!durable) logger.error("the journal does not accept what is left; it stays with the clients");
  await gateway.close(AbortSignal.timeout(GOODBYE_MS));
  await documents.close(deadline);
  await within(GOODBYE_MS, metadata.close());
  http.close();
  http.closeAllConnections();
  await store.close();
  return durable;
}

/** Whether a task, which does not reject, is done in time. */
async function within(ms: number, task: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = await Promise.race([task.then(() => true), timeout]);
  clearTimeout(timer);
  return done;
}
