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
import { AllowedOrigins } from "./access/allowed-origins.ts";
import { ConnectionLimits } from "./access/connection-limits.ts";
import { CrashedServers } from "./cluster/crashed-servers.ts";
import type { Cluster } from "./cluster/holders.ts";
import { OtherServers } from "./cluster/other-servers.ts";
import type { ServerAddress } from "./cluster/registry.ts";
import { findServerAddress } from "./cluster/server-address.ts";
import type { Config } from "./config.ts";
import { Gateway } from "./connections/gateway.ts";
import { LiveRooms } from "./connections/live-rooms.ts";
import { Documents } from "./document/documents.ts";
import { readAcknowledged } from "./document/read-acknowledged.ts";
import { drain } from "./drain.ts";
import { Health } from "./http/health.ts";
import { openAccess } from "./open-access.ts";
import { openCluster } from "./open-cluster.ts";
import { openHttp } from "./open-http.ts";
import { openNotifications } from "./open-notifications.ts";
import { openStores } from "./open-stores.ts";
import { ActivityRecorder } from "./storage/activity-recorder.ts";
import { MetadataWriter } from "./storage/metadata-writer.ts";
import { Retention } from "./storage/retention.ts";

/** Whoever takes longer to send a request keeps a socket for nothing. */
const SLOW_CLIENTS = {
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 2_000,
};

/** More than one machine can have. */
const UNLIMITED = 1e9;

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
  const access = await openAccess(config);
  const origins = new AllowedOrigins(config.ALLOWED_ORIGINS);
  const stores = await openStores(config, logger);
  const http = createServer(SLOW_CLIENTS);
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
  const notifications = await openNotifications(config, address, stores, logger);
  const metadata = new MetadataWriter(stores.metadata, logger);
  const retention = new Retention(stores.metadata, config.CONNECTIONS_RETENTION_DAYS, logger);
  const { rooms, events } = notifications;
  const endConnections = async (server: ServerAddress, at: number) => {
    const ended = await stores.metadata.closeConnectionsOf(server, at);
    await events?.serverCrashed(server, at, ended);
  };
  const crashedServers = new CrashedServers({
    registry: cluster.registry,
    endConnections: async (server, at) => {
      await endConnections(server, at);
      await rooms?.serverCrashed(server, at);
    },
    logger,
  });
  const documents = new Documents({
    stores,
    cluster,
    metadata,
    logger,
    snapshotInterval: config.SNAPSHOT_INTERVAL_MS,
    unloadDelay: config.UNLOAD_DELAY_MS,
    collect: config.GC,
    onDurable: rooms === null ? undefined : (room) => rooms.changed(room),
    onFirstHolder: events === null ? undefined : (room) => events.roomOpened(room),
    onLetGo: events === null ? undefined : (room) => events.roomLetGo(room),
  });
  const liveRooms = new LiveRooms();
  const activity = new ActivityRecorder({ metadata: stores.metadata, server: address, logger });
  const limits = new ConnectionLimits({
    connections: config.MAX_CONNECTIONS,
    connectionsPerAddress: config.MAX_CONNECTIONS_PER_ADDRESS ?? UNLIMITED,
    attemptsPerSecondPerAddress: config.MAX_ATTEMPTS_PER_SECOND ?? UNLIMITED,
  });
  const gateway = new Gateway({
    documents,
    access,
    origins,
    limits,
    proxies: config.TRUSTED_PROXIES,
    metadata,
    liveRooms,
    activity,
    visits: events,
    logger,
    server: address,
    maxMessagesPerSecond: config.MAX_MESSAGES_PER_SECOND,
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
  const side = openHttp(config, {
    stores,
    cluster,
    documents,
    gateway,
    liveRooms,
    health,
    notifications,
    logger,
  });
  rooms?.start({
    read: (room) => readAcknowledged(room, documents, stores),
    codec: documents.codec,
  });
  events?.start({
    holds: (room) => documents.holds(room),
    others: new OtherServers(address, cluster.registry, config.CLUSTER_SECRET ?? ""),
  });
  // An earlier run at this address may have crashed.
  endConnections(address, Date.now()).catch((error: unknown) => {
    logger.warn({ err: error }, "connections of an earlier run stay recorded as open");
  });
  http.off("request", refuseYet);
  http.on("request", getRequestListener(side.app.fetch));
  gateway.attach(http);
  return {
    url: `http://${hostOf(config)}:${(http.address() as AddressInfo).port}`,
    drain: async () => {
      health.accepting = false;
      retention.close();
      crashedServers.close();
      side.close();
      access.close();
      rooms?.stop();
      return drain({
        gateway,
        documents,
        metadata,
        activity,
        notifications,
        cluster,
        stores,
        http,
        logger,
      });
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
