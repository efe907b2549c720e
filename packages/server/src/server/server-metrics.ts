import type { HookStats } from "../hooks/hook-stats.ts";
import type { Cluster } from "../replication/cluster.ts";
import type { ReplicationStats } from "../replication/replication-stats.ts";
import type { JournalStats, SnapshotStats } from "../room/room-stats.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { UpdateWorkers } from "../room/update-workers.ts";
import type { Health } from "../runtime/health.ts";
import { Exposition } from "../runtime/metrics/exposition.ts";
import { type MemorySources, writeMemory } from "../runtime/metrics/memory-metrics.ts";
import type { DeliveryStats, EventStats } from "../webhooks/webhook-stats.ts";
import type { ConnectionStats } from "../websocket/connection-stats.ts";

/** The parts of a server that metrics are read from. */
export interface MetricsSources {
  readonly health: Health;
  readonly gateway: {
    readonly connections: { readonly size: number };
    readonly stats: ConnectionStats;
  } & MemorySources;
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

/** The server's metrics in the Prometheus text format. */
export function serverMetrics(sources: MetricsSources): string {
  const { health, gateway, rooms, cluster, notifications, hooks } = sources;
  const to = new Exposition();
  writeHealth(to, health, {
    journal: rooms.journal.problem,
    snapshots: rooms.snapshotProblem,
    bus: cluster.bus.problem,
    registry: cluster.registry.problem,
  });
  writeConnections(to, gateway.connections.size, gateway.stats);
  writeMemory(to, gateway);
  writeRooms(to, rooms);
  writeJournal(to, rooms.journal.stats, rooms.journal.lag);
  writeSnapshots(to, rooms.snapshotter.stats);
  writeWorkers(to, rooms.workers);
  writeCluster(to, rooms.replicationStats, cluster.registry.lease !== "lapsed");
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

function writeConnections(to: Exposition, connections: number, stats: ConnectionStats): void {
  to.gauge("symphony_connections", "Clients connected to this server.", connections);
  to.counter("symphony_connections_opened_total", "Client connections opened.", stats.opened);
  to.counters(
    "symphony_connections_closed_total",
    "Connections closed or refused by this server, by close code.",
    "code",
    stats.closed,
  );
  to.counter(
    "symphony_client_messages_received_total",
    "Messages received from clients, of any type.",
    stats.messagesIn,
  );
  to.counter(
    "symphony_client_received_bytes_total",
    "Bytes of messages received from clients.",
    stats.bytesIn,
  );
  to.counter(
    "symphony_client_messages_sent_total",
    "Messages sent to clients, of any type.",
    stats.messagesOut,
  );
  to.counter(
    "symphony_client_sent_bytes_total",
    "Bytes of frames sent to clients.",
    stats.bytesOut,
  );
  to.counter(
    "symphony_client_loop_seconds_total",
    "Event loop time charged to clients.",
    stats.loop.milliseconds / 1_000,
  );
  to.counter(
    "symphony_client_loop_pauses_total",
    "How often reading from a client was paused because it had used up its event loop budget.",
    stats.loop.pauses,
  );
}

function writeRooms(to: Exposition, rooms: RoomTable): void {
  const { stats } = rooms;
  const { opening, open, closing, active, bytes, lagging } = rooms.usage();
  to.gauges(
    "symphony_documents",
    "Documents in memory: being opened, open, or being unloaded.",
    "state",
    Object.entries({ opening, open, leaving: closing }),
  );
  to.gauge("symphony_active_rooms", "Rooms with clients on this server.", active);
  to.gauge("symphony_document_bytes", "Encoded size of all open documents.", bytes);
  to.gauge(
    "symphony_documents_behind",
    "Copies on other servers known to hold updates that are missing here.",
    lagging,
  );
  to.counters(
    "symphony_updates_received_total",
    "Updates accepted, from this server's clients and from other servers or the stores.",
    "from",
    [
      ["clients", stats.updatesFromClients],
      ["servers", stats.updatesFromServers],
    ],
  );
  to.counters(
    "symphony_update_received_bytes_total",
    "Bytes of accepted updates, without message framing.",
    "from",
    [
      ["clients", stats.updateBytesFromClients],
      ["servers", stats.updateBytesFromServers],
    ],
  );
  to.counter(
    "symphony_presence_received_total",
    "Awareness messages received from clients.",
    stats.awarenessFromClients,
  );
  to.counter(
    "symphony_deliveries_total",
    "Fan-out: how often new updates were sent to a client.",
    stats.deliveries,
  );
  to.counter(
    "symphony_updates_sent_total",
    "Update messages sent to clients, each with one or more updates.",
    stats.updatesOut,
  );
  to.counter(
    "symphony_presence_sent_total",
    "Awareness messages sent to clients.",
    stats.awarenessOut,
  );
  to.histogram(
    "symphony_flush_delay_seconds",
    "Time from a change to a document until it has been sent to the room; one observation per flush, of its oldest change or of an older one from the same turn of the event loop.",
    stats.flushSeconds,
  );
}

function writeJournal(
  to: Exposition,
  stats: JournalStats,
  lag: { bytes: number; seconds: number },
): void {
  to.gauge("symphony_journal_lag_bytes", "Bytes of updates that are not yet durable.", lag.bytes);
  to.gauge(
    "symphony_journal_lag_seconds",
    "How long the oldest update that is not yet durable has waited.",
    lag.seconds,
  );
  to.histogram("symphony_journal_batch_updates", "Updates per commit.", stats.batch);
  to.counter("symphony_journal_written_bytes_total", "Bytes of durable updates.", stats.bytes);
  to.histogram("symphony_journal_commit_seconds", "Duration of a commit.", stats.commitSeconds);
  to.counter("symphony_journal_failures_total", "Failed commits; each is retried.", stats.failures);
  to.histogram(
    "symphony_acknowledgement_seconds",
    "Time from receipt of an update until it is durable; every update counts with the time of the oldest in its commit.",
    stats.acknowledgementSeconds,
  );
}

function writeSnapshots(to: Exposition, stats: SnapshotStats): void {
  to.histogram(
    "symphony_snapshot_seconds",
    "Time to compact a document and store its snapshot.",
    stats.seconds,
  );
  to.counter("symphony_snapshot_bytes_total", "Bytes of stored snapshots.", stats.bytes);
  to.counter(
    "symphony_snapshot_conflicts_total",
    "Snapshots merged with one that another server had stored.",
    stats.conflicts,
  );
  to.counter(
    "symphony_snapshot_failures_total",
    "Snapshots that could not be stored; each is retried.",
    stats.failures,
  );
}

function writeWorkers(to: Exposition, { stats, waiting, quarantine }: UpdateWorkers): void {
  to.gauges(
    "symphony_worker_tasks_waiting",
    "Document tasks waiting for a worker: those that a caller waits for, those in the background, and those of rooms found to be expensive.",
    "lane",
    Object.entries(waiting),
  );
  to.counter(
    "symphony_worker_tasks_demoted_total",
    "Tasks that used up their share of the common workers and restarted in the penalty lane.",
    stats.demoted,
  );
  to.counters(
    "symphony_worker_budget_exceeded_total",
    "Tasks aborted because they exceeded the budget of their room.",
    "budget",
    Object.entries(stats.exceeded),
  );
  to.gauge(
    "symphony_quarantined_rooms",
    "Rooms whose documents take more time or memory to compact or show than a room may use.",
    quarantine.size,
  );
}

function writeCluster(to: Exposition, stats: ReplicationStats, isAlive: boolean): void {
  to.counter(
    "symphony_bus_messages_received_total",
    "Messages received from other servers on the bus.",
    stats.busIn,
  );
  to.counter(
    "symphony_bus_messages_published_total",
    "Messages published to other servers on the bus.",
    stats.busOut,
  );
  to.counter(
    "symphony_bus_gaps_total",
    "How often data from another server was missed because a message was lost or too large for the bus.",
    stats.sequenceGaps,
  );
  to.counter(
    "symphony_bus_interruptions_total",
    "Bus interruptions, counted once per document when the bus recovers.",
    stats.interruptions,
  );
  to.counters(
    "symphony_peer_fetches_total",
    "Results of requests for a document to other servers.",
    "result",
    Object.entries(stats.fetches),
  );
  to.gauge(
    "symphony_lease_held",
    "1 while this server's lease is valid, or there is no cluster; 0 once it has expired.",
    Number(isAlive),
  );
  to.counter(
    "symphony_lease_rejoins_total",
    "How often this server's lease had expired and was acquired again.",
    stats.rejoins,
  );
}

function writeHooks(to: Exposition, stats: HookStats): void {
  to.counters(
    "symphony_hook_calls_total",
    "Calls of functions passed by the application.",
    "hook",
    stats.calls,
  );
  to.counters(
    "symphony_hook_failures_total",
    "Calls of such functions that threw, rejected or took too long.",
    "hook",
    stats.failures,
  );
  to.counters(
    "symphony_hook_drops_total",
    "Hook calls dropped because too many were waiting.",
    "hook",
    stats.dropped,
  );
}

/** @param stats by kind of notification; `undefined` for kinds that are not configured */
function writeNotifications(
  to: Exposition,
  stats: Readonly<Record<string, DeliveryStats | undefined>>,
): void {
  const all = Object.entries(stats).flatMap(([kind, one]) =>
    one === undefined ? [] : [[kind, one] as const],
  );
  if (all.length === 0) return;
  const values = (value: (one: DeliveryStats) => number) =>
    all.map(([kind, one]) => [kind, value(one)] as const);
  to.counters(
    "symphony_notifications_delivered_total",
    "Notifications accepted by their receiver.",
    "kind",
    values(({ delivered }) => delivered),
  );
  to.counters(
    "symphony_notification_failures_total",
    "Notifications not accepted; each is retried.",
    "kind",
    values(({ failures }) => failures),
  );
  to.counters(
    "symphony_notifications_given_up_total",
    "Notifications abandoned after three days of failures, or because the receiver responded with 410.",
    "kind",
    values(({ givenUp }) => givenUp),
  );
  to.gauges(
    "symphony_notifications_pending",
    "Notifications waiting to be sent, for all servers, as of a few seconds ago.",
    "kind",
    values(({ pending }) => pending.rows),
  );
  to.gauges(
    "symphony_notifications_pending_seconds",
    "How long the oldest of them has waited.",
    "kind",
    values(({ pending: { oldest } }) =>
      oldest === null ? 0 : Math.max(0, (Date.now() - oldest) / 1_000),
    ),
  );
}

function writeEvents(to: Exposition, stats: EventStats): void {
  to.counter(
    "symphony_events_dropped_total",
    "Events dropped because there were too many, or because delivery was abandoned.",
    stats.dropped,
  );
}
