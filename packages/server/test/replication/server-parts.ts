import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { Dynalite } from "@symphony/services/dynamodb";
import { Redis } from "@symphony/services/redis";
import { Hono } from "hono";
import { pino } from "pino";
import { vi } from "vitest";
import { Fleet } from "../../src/fleet/fleet.ts";
import { LiveRooms } from "../../src/fleet/live-rooms.ts";
import { serverCallRoutes } from "../../src/fleet/server-call-routes.ts";
import { LocalServer } from "../../src/fleet/server-calls-local.ts";
import { RemoteServer } from "../../src/fleet/server-calls-remote.ts";
import { MetadataWriter } from "../../src/metadata/metadata-writer.ts";
import type { Cluster } from "../../src/replication/cluster.ts";
import { createRegistryTable } from "../../src/replication/dynamodb/create-table.ts";
import { openDynamoRegistry } from "../../src/replication/dynamodb/open.ts";
import { peerRoutes } from "../../src/replication/peer-routes.ts";
import { HttpPeers } from "../../src/replication/peers-http.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";
import { ServerClient } from "../../src/replication/server-client.ts";
import { serversOnly } from "../../src/replication/servers-only.ts";
import type { Stores } from "../../src/room/persistence/stored-room.ts";
import { RoomTable } from "../../src/room/room-table.ts";
import { Health } from "../../src/runtime/health.ts";
import { LoopDelay } from "../../src/runtime/metrics/loop-delay.ts";
import { observe } from "../../src/server/observe.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";

export const SECRET = "a secret of the cluster";
const LEASE_MS = 3_000;
const RENEW_MS = 500;
const logger = pino({ level: "silent" });

/** The parts of one server that others call. */
export interface ServerParts {
  readonly documents: RoomTable;
  readonly liveRooms: LiveRooms;
  readonly health: Health;
  readonly cluster: Cluster;
  readonly metadata: MetadataWriter;
  readonly local: LocalServer;
  readonly fleet: Fleet;
  readonly client: ServerClient;
  readonly http: Server;
  /** The rooms whose connections it was asked to check again. */
  readonly rechecked: string[];
  close(): Promise<void>;
}

/** Wraps the stores for one server. */
export type Around = (stores: Stores) => Stores;

/** Servers in this process that share a store, with a real registry and bus. */
export class PartsOfCluster {
  readonly servers: ServerParts[] = [];
  /** Hosts the registry of the servers. */
  readonly registry: Dynalite = new Dynalite();
  readonly #redis = new Redis();
  #directory = "";
  #store: SqliteStore | undefined;
  #tables = 0;

  get store(): SqliteStore {
    if (this.#store === undefined) throw new Error("the store is open only during a test");
    return this.#store;
  }

  async startServices(): Promise<void> {
    await Promise.all([this.#redis.start(), this.registry.start()]);
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", this.registry.endpoint);
  }

  async stopServices(): Promise<void> {
    vi.unstubAllEnvs();
    await Promise.all([this.#redis.stop(), this.registry.stop()]);
  }

  /** Starts with empty stores and no servers. */
  async begin(): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), "symphony-cluster-"));
    this.#store = await openSqliteStore(this.#directory, logger);
    this.#tables++;
    await createRegistryTable(this.#table);
  }

  async end(): Promise<void> {
    await Promise.all(this.servers.splice(0).map((server) => server.close()));
    await this.store.close();
    await rm(this.#directory, { recursive: true });
  }

  get #table(): string {
    return `servers-${this.#tables}`;
  }

  async open(around: Around = (stores) => stores): Promise<ServerParts> {
    const http = createServer();
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const address = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    const cluster: Cluster = {
      address,
      incarnation: 1,
      bus: await openRedisBus([this.#redis.url], logger),
      registry: await openDynamoRegistry({
        table: this.#table,
        address,
        logger,
        leaseMs: LEASE_MS,
        renewMs: RENEW_MS,
      }),
      peers: new HttpPeers(SECRET),
    };
    const stores = around(this.store);
    const metadata = new MetadataWriter(this.store.metadata, logger);
    const documents = new RoomTable({
      stores,
      cluster,
      observer: observe({ metadata }),
      logger,
      snapshotInterval: 100,
      unloadDelay: 60_000,
      collect: true,
    });
    const liveRooms = new LiveRooms();
    const health = new Health();
    const loopDelay = new LoopDelay();
    const client = new ServerClient(SECRET);
    const rechecked: string[] = [];
    const local = new LocalServer({
      address,
      version: "1.2.3",
      startedAt: 1_000,
      rooms: documents,
      liveRooms,
      health,
      registry: cluster.registry,
      loopDelay,
      recheck: async (room) => {
        rechecked.push(room);
      },
    });
    const fleet = new Fleet({
      local,
      registry: cluster.registry,
      connect: (other) => new RemoteServer(other, client),
      stores: { ...stores, metadata: this.store.metadata },
      logger,
    });
    const app = new Hono();
    const only = serversOnly(SECRET);
    app.route("/", peerRoutes(only, documents));
    app.route("/", serverCallRoutes(only, local));
    http.on("request", getRequestListener(app.fetch));
    const close = async () => {
      loopDelay.close();
      await documents.close(AbortSignal.timeout(5_000));
      await Promise.all([metadata.close(), cluster.registry.close()]);
      cluster.peers.close();
      client.close();
      await cluster.bus.close();
      http.close();
      http.closeAllConnections();
    };
    const server = {
      documents,
      liveRooms,
      health,
      cluster,
      metadata,
      local,
      fleet,
      client,
      http,
      rechecked,
      close,
    };
    this.servers.push(server);
    return server;
  }
}
