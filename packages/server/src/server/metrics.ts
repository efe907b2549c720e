import type { Registry } from "prom-client";
import { type HookStats, writeHooks } from "../hooks/hook-stats.ts";
import type { Cluster } from "../replication/cluster.ts";
import { writeReplication } from "../replication/replication-stats.ts";
import { writeRooms } from "../room/room-metrics.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { Health } from "../runtime/health.ts";
import { Exposition } from "../runtime/metrics/exposition.ts";
import {
  type DeliveryStats,
  type EventStats,
  writeEvents,
  writeNotifications,
} from "../webhooks/webhook-stats.ts";
import { type GatewaySources, writeGateway } from "../websocket/connection-stats.ts";

/** The parts of a server that metrics are read from. */
export interface MetricsSources {
  readonly health: Health;
  readonly gateway: GatewaySources;
  readonly rooms: RoomTable;
  readonly cluster: Cluster;
  /** Webhook notifications, where configured. */
  readonly notifications: {
    readonly changes: { readonly stats: DeliveryStats } | null;
    readonly events: { readonly stats: DeliveryStats; readonly eventStats: EventStats } | null;
  };
  /** Calls of the application's functions, if it passed any. */
  readonly hooks?: HookStats | undefined;
}

/** The metrics of this server and of its process. */
export class Metrics {
  readonly #sources: MetricsSources;
  #processMetrics: Promise<Registry> | undefined;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
  }

  /** The current values of all metrics, in the Prometheus text format. */
  async read(): Promise<string> {
    this.#processMetrics ??= watchProcess();
    return serverMetrics(this.#sources) + (await (await this.#processMetrics).metrics());
  }
}

/**
 * The metrics of any Node.js process: memory, CPU time, event-loop delay, garbage collection. Nothing is
 * loaded or measured before the first scrape.
 */
async function watchProcess(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import("prom-client");
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

/** The server's metrics in the Prometheus text format. */
function serverMetrics(sources: MetricsSources): string {
  const { health, gateway, rooms, cluster, notifications, hooks } = sources;
  const to = new Exposition();
  writeHealth(to, health, {
    journal: rooms.journal.problem,
    snapshots: rooms.snapshotProblem,
    bus: cluster.bus.problem,
    registry: cluster.registry.problem,
  });
  writeGateway(to, gateway);
  writeRooms(to, rooms);
  writeReplication(to, rooms.replicationStats, cluster.registry.lease !== "lapsed");
  const { changes, events } = notifications;
  writeNotifications(to, { room: changes?.stats, events: events?.stats });
  if (events !== null) writeEvents(to, events.eventStats);
  if (hooks !== undefined) writeHooks(to, hooks);
  return to.text;
}

function writeHealth(
  to: Exposition,
  health: Health,
  problems: Readonly<Record<string, string | undefined>>,
): void {
  to.gauge(
    "symphony_ready",
    "1 while all parts of the server are healthy, 0 otherwise.",
    Number(Object.keys(health.failing()).length === 0),
  );
  to.gauge(
    "symphony_draining",
    "1 while the server is shutting down, 0 otherwise.",
    Number(!health.accepting),
  );
  to.gauges(
    "symphony_part_working",
    "1 while this part is healthy, 0 otherwise: bus, journal, registry, snapshots.",
    "part",
    Object.entries(problems).map(([part, problem]) => [part, Number(problem === undefined)]),
  );
}
