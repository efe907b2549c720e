import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { metricsRoute } from "../../src/http/metrics-route.ts";
import { MetadataWriter } from "../../src/metadata/metadata-writer.ts";
import type { Frame } from "../../src/protocol/frame.ts";
import { alone } from "../../src/replication/cluster.ts";
import type { Stores } from "../../src/room/persistence/stored-room.ts";
import { RoomTable } from "../../src/room/room-table.ts";
import type { Sink } from "../../src/room/subscriber.ts";
import { Health } from "../../src/runtime/health.ts";
import { Metrics } from "../../src/server/metrics.ts";
import { observe } from "../../src/server/observe.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { DeliveryStats, EventStats } from "../../src/webhooks/webhook-stats.ts";
import { ConnectionStats } from "../../src/websocket/connection-stats.ts";
import { decodeFrames, type ServerMessage } from "../support/frames.ts";
import { type Exposed, parseExposition } from "./parse-exposition.ts";

const logger = pino({ level: "silent" });

/** The parts of a server around documents in a real store, with their metrics. */
export interface Measured {
  readonly documents: RoomTable;
  readonly stores: Stores;
  readonly health: Health;
  readonly gateway: { readonly connections: Set<string>; readonly stats: ConnectionStats };
  /** Scrapes the metrics as Prometheus does. */
  request(): Promise<Response>;
  scrape(): Promise<Exposed>;
  close(): Promise<void>;
}

/** @param around may wrap the store that the documents use */
export async function measuredDocuments(
  around: (stores: Stores) => Stores = (stores) => stores,
): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), "symphony-metrics-"));
  const stores = await openSqliteStore(directory, logger);
  const cluster = alone("127.0.0.1:1");
  const metadata = new MetadataWriter(stores.metadata, logger);
  const documents = new RoomTable({
    stores: around(stores),
    cluster,
    observer: observe({ metadata }),
    logger,
    snapshotInterval: 60_000,
    unloadDelay: 0,
    collect: true,
  });
  const health = new Health();
  health.watch("server", () => (health.accepting ? undefined : "the server is shutting down"));
  const gateway = {
    connections: new Set<string>(),
    stats: new ConnectionStats(),
    guard: { limit: 512 * 1024 * 1024, isFull: false, ended: 0 },
    unfinished: { bytes: 0, ended: 0 },
  };
  const notifications = {
    changes: { stats: new DeliveryStats() },
    events: { stats: new DeliveryStats(), eventStats: new EventStats() },
  };
  const app = metricsRoute(
    new Metrics({ health, gateway, rooms: documents, cluster, notifications }),
  );
  const request = async () => app.request("/metrics");
  return {
    documents,
    stores,
    health,
    gateway,
    request,
    scrape: async () => parseExposition(await (await request()).text()),
    close: async () => {
      await documents.close(AbortSignal.timeout(5_000));
      await metadata.close();
      await stores.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** A client that records each write that it receives. */
export class RecordingSink implements Sink {
  readonly writable = true;
  readonly writes: ServerMessage[][] = [];

  write(frames: readonly Frame[]): void {
    this.writes.push(decodeFrames(frames));
  }

  probe(): void {}
  close(): void {}

  /** How many messages of a type it has received. */
  count(type: ServerMessage["type"]): number {
    return this.writes.flat().filter((message) => message.type === type).length;
  }
}
