import { getRequestListener } from "@hono/node-server";
import type { Logger } from "pino";
import { AllowedOrigins } from "../auth/allowed-origins.ts";
import type { Config } from "../config/config.ts";
import type { ServerOptions, SymphonyServer } from "../config/server-options.ts";
import { CrashedServers } from "../fleet/crashed-servers.ts";
import { LiveRooms } from "../fleet/live-rooms.ts";
import { OtherServers } from "../fleet/other-servers.ts";
import { requireOwnAddress } from "../fleet/require-own-address.ts";
import { StartNotice } from "../fleet/start-notice.ts";
import { type HttpListener, hostOfUrl } from "../http/http-listener.ts";
import { ActivityRecorder } from "../metadata/activity-recorder.ts";
import { ConnectionRecords } from "../metadata/connection-records.ts";
import { MetadataWriter } from "../metadata/metadata-writer.ts";
import { Retention } from "../metadata/retention.ts";
import type { Cluster } from "../replication/cluster.ts";
import type { ServerAddress } from "../replication/registry.ts";
import { readAcknowledged } from "../room/persistence/read-acknowledged.ts";
import { PROBE_ROOM, StoreProbe } from "../room/persistence/store-probe.ts";
import { TombstoneReader } from "../room/tombstone-reader.ts";
import { ConfigError } from "../runtime/config-error.ts";
import { Health } from "../runtime/health.ts";
import { closeCustomStores, customParts } from "./custom-parts.ts";
import { drain } from "./drain.ts";
import { observe } from "./observe.ts";
import { openAccess } from "./open-access.ts";
import { type CustomCluster, isMember, openCluster } from "./open-cluster.ts";
import { openGateway } from "./open-gateway.ts";
import { openHttp } from "./open-http.ts";
import { openListener } from "./open-listener.ts";
import { openNotifications } from "./open-notifications.ts";
import { openHooks, openRooms } from "./open-rooms.ts";
import { type CustomStores, openStores } from "./open-stores.ts";
import { findServerAddress } from "./server-address.ts";

/** The parts that the application provides itself instead of configuring them. */
export type CustomParts = Pick<ServerOptions, "attachTo" | "access" | "hooks" | "load"> &
  CustomStores &
  CustomCluster;

/**
 * Builds the configured parts, except those that the application provides, and starts serving.
 *
 * @param ecsMetadata the metadata endpoint of an ECS task, if there is one
 * @throws ConfigError, StorageError if a store cannot be opened, RegistryError, anything that a custom
 *   part throws, or the socket's error if it cannot listen; everything opened is then released
 */
export async function startServer(
  config: Config,
  logger: Logger,
  custom: CustomParts = {},
  ecsMetadata?: string,
): Promise<SymphonyServer> {
  const access = await openAccess(config, custom.access, logger);
  const origins = new AllowedOrigins(config.ALLOWED_ORIGINS);
  const stores = await openStores(config, custom, customParts(custom), logger);
  let listener: HttpListener | undefined;
  let cluster: Cluster;
  try {
    listener = await openListener(config, custom, logger);
    const own = await ownAddress(listener, config, isMember(config, custom), ecsMetadata);
    if (isMember(config, custom)) await requireOwnAddress(own, config.CLUSTER_SECRET ?? "");
    cluster = await openCluster(config, custom, own, logger);
  } catch (error) {
    listener?.close();
    await stores.close();
    throw error;
  }
  const { address } = cluster;
  const notifications = await openNotifications(
    config,
    { address, isAlone: !isMember(config, custom) },
    stores,
    logger,
  );
  const metadata = new MetadataWriter(stores.metadata, logger);
  const retention = new Retention(stores.metadata, config.CONNECTIONS_RETENTION_DAYS, logger);
  const { changes, events } = notifications;
  const endConnections = async (server: ServerAddress, at: number) => {
    const ended = await stores.metadata.closeConnectionsOf(server, at);
    await events?.serverCrashed(server, at, ended);
  };
  const crashedServers = new CrashedServers({
    registry: cluster.registry,
    endConnections: async (server, at) => {
      await endConnections(server, at);
      await changes?.serverCrashed(server, at);
    },
    logger,
  });
  const hooks = openHooks(custom, logger);
  const liveRooms = new LiveRooms();
  const activity = new ActivityRecorder({ metadata: stores.metadata, server: address, logger });
  const records = new ConnectionRecords({
    metadata,
    server: address,
    maxPerDay: config.MAX_CONNECTION_RECORDS_PER_DAY,
    logger,
  });
  const observer = observe({ metadata, records, liveRooms, activity, notifications, hooks });
  const { load } = custom;
  const parts = { stores, cluster, observer, hooks, load, logger };
  const { rooms, serverDocuments } = openRooms(config, parts);
  const tombstones = new TombstoneReader(stores.metadata, rooms, logger);
  await tombstones.start();
  const gateway = openGateway(config, {
    rooms,
    access,
    accessSeesHeaders: custom.access !== undefined,
    origins,
    connectionsOf: (room) => liveRooms.connectionsOf(room),
    observer,
    logger,
  });
  const health = new Health();
  health.watch("server", () => (health.accepting ? undefined : "the server is shutting down"));
  const probes = {
    journal: new StoreProbe({
      read: () => stores.journal.read(PROBE_ROOM),
      onRecovered: () => rooms.journal.retry(),
    }),
    snapshots: new StoreProbe({
      read: () => stores.snapshots.read(PROBE_ROOM),
      onRecovered: () => rooms.snapshotter.retry(),
    }),
  };
  health.watch("journal", () => probes.journal.problem ?? rooms.journal.problem);
  health.watch("snapshots", () => probes.snapshots.problem ?? rooms.snapshotProblem);
  health.note("rooms", () => rooms.roomProblem);
  health.watch("bus", () => cluster.bus.problem);
  health.watch("registry", () => cluster.registry.problem);
  const side = openHttp(config, {
    stores,
    cluster,
    rooms,
    gateway,
    liveRooms,
    health,
    notifications,
    origins,
    logger,
    showsEditor: custom.attachTo === undefined,
    hooks,
  });
  changes?.start({
    read: (room) => readAcknowledged(room, rooms, stores),
    workers: rooms.workers,
  });
  events?.start({
    holds: (room) => rooms.holds(room),
    others: new OtherServers(address, cluster.registry, config.CLUSTER_SECRET ?? ""),
  });
  // An earlier run at this address may have crashed.
  const notice = new StartNotice({
    started: { address, incarnation: cluster.incarnation },
    registry: cluster.registry,
    secret: config.CLUSTER_SECRET ?? "",
    giveBack: (held) => rooms.giveBack(held),
    logger,
  });
  endConnections(address, Date.now()).catch((error: unknown) => {
    logger.warn(
      { err: error },
      "could not close the connections of an earlier run, they stay recorded as open",
    );
  });
  // Do not replace the application's global `Request` and `Response`.
  const request = getRequestListener(side.app.fetch, { overrideGlobalObjects: false });
  listener.serve({
    request,
    upgrade: (incoming, socket, head) => gateway.upgrade(incoming, socket, head),
  });
  let closed: Promise<boolean> | undefined;
  const close = () => {
    health.accepting = false;
    notice.close();
    for (const probe of Object.values(probes)) probe.close();
    serverDocuments.close();
    retention.close();
    tombstones.close();
    crashedServers.close();
    side.close();
    access.close();
    changes?.stop();
    const closeStores = async () => {
      await stores.close();
      await closeCustomStores(custom);
    };
    return drain({
      gateway,
      rooms,
      metadata,
      activity,
      notifications,
      cluster,
      listener,
      hooks,
      closeStores,
      logger,
    });
  };
  return {
    get url() {
      return listener.url;
    },
    openDocument: (room) => serverDocuments.open(room),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** Where other servers reach this one. Without a cluster, it only names the server in the metadata. */
async function ownAddress(
  { listening }: HttpListener,
  { SERVER_ADDRESS }: Config,
  isInCluster: boolean,
  ecsMetadata: string | undefined,
): Promise<ServerAddress> {
  if (SERVER_ADDRESS !== undefined) return SERVER_ADDRESS;
  if (listening === null) {
    if (!isInCluster) return "localhost";
    throw new ConfigError(
      "SERVER_ADDRESS is needed: the server is not listening yet, so its own address is unknown",
    );
  }
  const { host, port } = listening;
  return isInCluster ? findServerAddress(host, port, ecsMetadata) : `${hostOfUrl(host)}:${port}`;
}
