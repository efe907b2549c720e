import { once } from "node:events";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Logger } from "pino";
import type { Cluster } from "./cluster/holders.ts";
import type { ServerAddress } from "./cluster/registry.ts";
import { findServerAddress } from "./cluster/server-address.ts";
import type { Config } from "./config.ts";
import { Gateway } from "./connections/gateway.ts";
import { Documents } from "./document/documents.ts";
import { createApp } from "./http/app.ts";
import { Health } from "./http/health.ts";
import { peerRoutes } from "./http/peer-routes.ts";
import { openCluster } from "./open-cluster.ts";
import { type AllStores, openStores } from "./open-stores.ts";
import { MetadataWriter } from "./storage/metadata-writer.ts";
import { Retention } from "./storage/retention.ts";

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
  const stores = await openStores(config, logger);
  const http = createServer();
  http.on("request", refuseYet);
  let cluster: Cluster;
  try {
    http.listen(config.PORT, config.HOST);
    await once(http, "listening");
    cluster = await openCluster(config, await addressOf(http, config), logger);
  } catch (error) {
    http.close();
    await stores.close();
    throw error;
  }
  const { address } = cluster;
  const metadata = new MetadataWriter(stores.metadata, logger);
  const retention = new Retention(stores.metadata, config.CONNECTIONS_RETENTION_DAYS, logger);
  stores.metadata.closeConnectionsOf(address, Date.now()).catch((error: unknown) => {
    logger.warn({ err: error }, "connections of an earlier run stay recorded as open");
  });
  const documents = new Documents({
    stores,
    cluster,
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
  const health = new Health();
  health.watch("server", () => (health.accepting ? undefined : "the server is shutting down"));
  health.watch("journal", () => documents.journal.problem);
  health.watch("snapshots", () => documents.snapshotProblem);
  health.watch("bus", () => cluster.bus.problem);
  health.watch("registry", () => cluster.registry.problem);
  const { CLUSTER_SECRET } = config;
  const peers = CLUSTER_SECRET === undefined ? null : peerRoutes(CLUSTER_SECRET, documents);
  http.off("request", refuseYet);
  http.on("request", getRequestListener(createApp(health, peers).fetch));
  gateway.attach(http);
  return {
    url: `http://${hostOf(config)}:${(http.address() as AddressInfo).port}`,
    drain: async () => {
      health.accepting = false;
      retention.close();
      return drain({ gateway, documents, metadata, cluster, stores, http, logger });
    },
  };
}

function hostOf({ HOST }: Config): string {
  return HOST.includes(":") ? `[${HOST}]` : HOST;
}

/** At which other servers reach this one. Alone, it only names the server in the metadata. */
async function addressOf(http: HttpServer, config: Config): Promise<ServerAddress> {
  const { port } = http.address() as AddressInfo;
  if (config.SERVER_ADDRESS !== undefined) return config.SERVER_ADDRESS;
  if (config.REDIS_URL === undefined) return `${hostOf(config)}:${port}`;
  return findServerAddress(config.HOST, port, process.env.ECS_CONTAINER_METADATA_URI_V4);
}

/** Answers while the parts are being built. */
function refuseYet(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { "retry-after": "1" }).end();
}

async function drain(parts: {
  gateway: Gateway;
  documents: Documents;
  metadata: MetadataWriter;
  cluster: Cluster;
  stores: AllStores;
  http: HttpServer;
  logger: Logger;
}): Promise<boolean> {
  const { gateway, documents, metadata, cluster, stores, http, logger } = parts;
  const deadline = AbortSignal.timeout(DRAIN_MS);
  logger.info({ connections: gateway.connections.size, documents: documents.size }, "draining");
  gateway.refuse();
  gateway.stopReading();
  const durable = await within(DURABLE_MS, documents.journal.flush());
  if (!durable) logger.error("the journal does not accept what is left; it stays with the clients");
  await gateway.close(AbortSignal.timeout(GOODBYE_MS));
  await documents.close(deadline);
  await within(GOODBYE_MS, Promise.all([metadata.close(), cluster.registry.close()]));
  cluster.peers.close();
  await within(GOODBYE_MS, cluster.bus.close());
  http.close();
  http.closeAllConnections();
  await within(GOODBYE_MS, stores.close());
  return durable;
}

/** Whether a task, which does not reject, is done in time. */
async function within(ms: number, task: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = await Promise.race([task.then(() => true), timeout]);
  clearTimeout(timer);
  return done;
}
