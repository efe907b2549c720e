import type { Hono } from "hono";
import type { Logger } from "pino";
import type { AllowedOrigins } from "../auth/allowed-origins.ts";
import type { Config } from "../config/config.ts";
import { Fleet } from "../fleet/fleet.ts";
import type { LiveRooms } from "../fleet/live-rooms.ts";
import { serverCallRoutes } from "../fleet/server-call-routes.ts";
import { LocalServer } from "../fleet/server-calls-local.ts";
import { RemoteServer } from "../fleet/server-calls-remote.ts";
import { startRoutes } from "../fleet/start-notice.ts";
import type { HookCalls } from "../hooks/hook-calls.ts";
import { adminAccess } from "../http/admin-access.ts";
import { adminGate } from "../http/admin-gate.ts";
import { apiRoutes } from "../http/api/api-routes.ts";
import { createApp } from "../http/app.ts";
import { metricsRoute } from "../http/metrics-route.ts";
import type { Cluster } from "../replication/cluster.ts";
import { peerRoutes } from "../replication/peer-routes.ts";
import { ServerClient } from "../replication/server-client.ts";
import { serversOnly } from "../replication/servers-only.ts";
import { showWithinBudget } from "../room/json/show-within-budget.ts";
import { readStored } from "../room/persistence/stored-room.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { Health } from "../runtime/health.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { LoopDelay } from "../runtime/metrics/loop-delay.ts";
import { VERSION } from "../runtime/version.ts";
import type { Gateway } from "../websocket/gateway.ts";
import { Metrics } from "./metrics.ts";
import type { Notifications } from "./open-notifications.ts";
import type { AllStores } from "./open-stores.ts";

/** The parts of a server that are exposed over HTTP. */
export interface VisibleParts {
  readonly stores: AllStores;
  readonly cluster: Cluster;
  readonly rooms: RoomTable;
  readonly gateway: Gateway;
  readonly liveRooms: LiveRooms;
  readonly health: Health;
  readonly notifications: Notifications;
  readonly origins: AllowedOrigins;
  readonly logger: Logger;
  /** Whether to serve the example editor. */
  readonly showsEditor: boolean;
  readonly hooks: HookCalls | undefined;
}

/** The HTTP application, with the resources that it uses. */
export interface HttpSide {
  readonly app: Hono<ApiEnv>;
  /** Ends event streams, and stops calling other servers. */
  close(): void;
}

/** Assembles the HTTP application, for operators and for other servers. */
export function openHttp(config: Config, parts: VisibleParts): HttpSide {
  const { stores, cluster, rooms, gateway, liveRooms, health, origins, notifications, logger } =
    parts;
  const { CLUSTER_SECRET, ADMIN_TOKEN, TRUSTED_PROXIES } = config;
  const loopDelay = new LoopDelay();
  const draining = new AbortController();
  // Without a cluster, it is never used.
  const client = new ServerClient(CLUSTER_SECRET ?? "");
  const local = new LocalServer({
    address: cluster.address,
    version: VERSION,
    startedAt: Date.now(),
    rooms,
    liveRooms,
    health,
    registry: cluster.registry,
    loopDelay,
    recheck: (room) => gateway.recheck(room),
  });
  const fleet = new Fleet({
    local,
    registry: cluster.registry,
    connect: (address) => new RemoteServer(address, client),
    stores,
    logger,
    deletedRoomGrace: config.DELETED_ROOM_GRACE_MS,
    onDeleted: (room) => notifications.events?.roomDeleted(room),
  });
  const admin = {
    token: ADMIN_TOKEN,
    proxies: TRUSTED_PROXIES,
    sessions: stores.metadata.adminSessions,
    logger,
  };
  const gate = adminGate(admin);
  const only = CLUSTER_SECRET === undefined ? undefined : serversOnly(CLUSTER_SECRET);
  const app = createApp({
    isSecure: config.TLS_CERT_FILE !== undefined,
    health,
    showsEditor: parts.showsEditor,
    cluster:
      only === undefined
        ? []
        : [peerRoutes(only, rooms), startRoutes(only, rooms), serverCallRoutes(only, local)],
    admin: adminAccess({ ...admin, origins }, gate),
    gate,
    metrics: metricsRoute(
      new Metrics({
        health,
        gateway,
        rooms,
        cluster,
        notifications,
        hooks: parts.hooks?.stats,
      }),
    ),
    api: apiRoutes({
      metadata: stores.metadata,
      fleet,
      rooms,
      readStored: (room) => readStored(room, stores),
      documentJson: (room, updates) =>
        showWithinBudget(room, rooms.workers, () => rooms.workers.run(room, "toJson", updates)),
      version: VERSION,
      maxMessageBytes: config.MAX_MESSAGE_BYTES,
      draining: draining.signal,
      logger,
    }),
  });
  return {
    app,
    close: () => {
      draining.abort();
      client.close();
      loopDelay.close();
    },
  };
}
