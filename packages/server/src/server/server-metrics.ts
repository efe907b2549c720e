import type { HookStats } from "../hooks/hook-stats.ts";
import type { ReplicationStats } from "../replication/replication-stats.ts";
import type { Cluster } from "../replication/replicator.ts";
import type { JournalStats, SnapshotStats } from "../room/room-stats.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { UpdateWorkers } from "../room/update-workers.ts";
import type { Health } from "../runtime/health.ts";
import { Exposition } from "../runtime/metrics/exposition.ts";
import { type MemorySources, writeMemory } from "../runtime/metrics/memory-metrics.ts";
import type { DeliveryStats, EventStats } from "../webhooks/webhook-stats.ts";
import type { ConnectionStats } from "../websocket/connection-stats.ts";

/** The parts of a server whose metrics are told. */
export interface MetricsSources {
  readonly health: Health;
  readonly gateway: {
    readonly connections: { readonly size: number };
    readonly stats: ConnectionStats;
  } & MemorySources;
  readonly rooms: RoomTable;
  readonly cluster: Cluster;
  /** What the application wants to be told. */
  readonly notifications: {
    readonly changes: { readonly stats: DeliveryStats } | null;
    readonly events: { readonly stats: DeliveryStats; readonly eventStats: EventStats } | null;
  };
  /** Of the functions that the application has given, if it has. */
  readonly hooks?: HookStats | undefined;
}

/** What the server says of its work, in the text format of Prometheus. */
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
    "1 while all parts of the server work, 0 otherwise.",
    Number(Object.keys(health.failing()).length === 0),
  );
  to.gauge(
    "symphony_draining",
    "1 while the server shuts down, 0 otherwise.",
    Number(!health.accepting),
  );
  to.gauges(
    "symphony_part_working",
    "1 while this part works, 0 otherwise: the bus, the journal, the registry of documents, the snapshots.",
    "part",
    Object.entries(problems).map(([part, problem]) => [part, Number(problem === undefined)]),
  );
}

function writeConnections(to: Exposition, connections: number, stats: ConnectionStats): void {
  to.gauge("symphony_connections", "Clients that are connected to this server.", connections);
  to.counter("symphony_connections_opened_total", "Connections of clients.", stats.opened);
  to.counters(
    "symphony_connections_closed_total",
    "Connections that this server closed or refused, by close code.",
    "code",
    stats.closed,
  );
  to.counter(
    "symphony_client_messages_received_total",
    "Messages of clients, of any type.",
    stats.messagesIn,
  );
  to.counter(
    "symphony_client_received_bytes_total",
    "Bytes of the messages of clients.",
    stats.bytesIn,
  );
  to.counter(
    "symphony_client_messages_sent_total",
    "Messages to clients, of any type.",
    stats.messagesOut,
  );
  to.counter("symphony_client_sent_bytes_total", "Bytes of the frames to clients.", stats.bytesOut);
  to.counter(
    "symphony_client_loop_seconds_total",
    "Time of the event loop for which clients were charged.",
    stats.loop.milliseconds / 1_000,
  );
  to.counter(
    "symphony_client_loop_pauses_total",
    "How often a client was not read until it had paid for the event loop.",
    stats.loop.pauses,
  );
}

function writeRooms(to: Exposition, rooms: RoomTable): void {
  const { stats } = rooms;
  const { opening, open, closing, active, bytes, lagging } = rooms.usage();
  to.gauges(
    "symphony_documents",
    "Documents in memory: being opened, open, or being let go.",
    "state",
    Object.entries({ opening, open, leaving: closing }),
  );
  to.gauge("symphony_active_rooms", "Rooms that somebody has open on this server.", active);
  to.gauge("symphony_document_bytes", "Encoded size of all open documents.", bytes);
  to.gauge(
    "symphony_documents_behind",
    "Copies on other servers of which something is known to be missing here.",
    lagging,
  );
  to.counters(
    "symphony_updates_received_total",
    "Updates that were taken: of own clients, and of other servers or the stores.",
    "from",
    [
      ["clients", stats.updatesFromClients],
      ["servers", stats.updatesFromServers],
    ],
  );
  to.counters(
    "symphony_update_received_bytes_total",
    "Bytes of the updates that were taken, without the messages around them.",
    "from",
    [
      ["clients", stats.updateBytesFromClients],
      ["servers", stats.updateBytesFromServers],
    ],
  );
  to.counter(
    "symphony_presence_received_total",
    "Messages of clients about who is present.",
    stats.awarenessFromClients,
  );
  to.counter(
    "symphony_deliveries_total",
    "How often a client was sent what is new: the fan-out.",
    stats.deliveries,
  );
  to.counter(
    "symphony_updates_sent_total",
    "Messages with updates that were delivered to clients, each of one or more updates.",
    stats.updatesOut,
  );
  to.counter(
    "symphony_presence_sent_total",
    "Messages about who is present that were delivered to clients.",
    stats.awarenessOut,
  );
  to.histogram(
    "symphony_flush_delay_seconds",
    "From a change of a document until it has been sent to the room; one value for each flush, of its oldest change or of an older one of the same turn of the event loop.",
    stats.flushSeconds,
  );
}

function writeJournal(
  to: Exposition,
  stats: JournalStats,
  lag: { bytes: number; seconds: number },
): void {
  to.gauge("symphony_journal_lag_bytes", "Updates that are not durable yet.", lag.bytes);
  to.gauge(
    "symphony_journal_lag_seconds",
    "For how long the oldest update that is not durable has waited.",
    lag.seconds,
  );
  to.histogram("symphony_journal_batch_updates", "Updates in one commit.", stats.batch);
  to.counter("symphony_journal_written_bytes_total", "Bytes of durable updates.", stats.bytes);
  to.histogram("symphony_journal_commit_seconds", "How long a commit took.", stats.commitSeconds);
  to.counter(
    "symphony_journal_failures_total",
    "Commits that failed; each is tried again.",
    stats.failures,
  );
  to.histogram(
    "symphony_acknowledgement_seconds",
    "From receipt of an update until it is durable; every update counts with the time of the oldest in its commit.",
    stats.acknowledgementSeconds,
  );
}

function writeSnapshots(to: Exposition, stats: SnapshotStats): void {
  to.histogram(
    "symphony_snapshot_seconds",
    "How long it took to compact a document and to store its snapshot.",
    stats.seconds,
  );
  to.counter("symphony_snapshot_bytes_total", "Bytes of stored snapshots.", stats.bytes);
  to.counter(
    "symphony_snapshot_conflicts_total",
    "Snapshots that were merged with one that another server had stored.",
    stats.conflicts,
  );
  to.counter(
    "symphony_snapshot_failures_total",
    "Snapshots that could not be stored; each is tried again.",
    stats.failures,
  );
}

function writeWorkers(to: Exposition, { stats, waiting, quarantine }: UpdateWorkers): void {
  to.gauges(
    "symphony_worker_tasks_waiting",
    "Tasks on documents that wait for a worker: that somebody waits for, in the background, and of rooms that have shown to be expensive.",
    "lane",
    Object.entries(waiting),
  );
  to.counter(
    "symphony_worker_tasks_demoted_total",
    "Tasks that used up their share of the common workers and began anew in the penalty lane.",
    stats.demoted,
  );
  to.counters(
    "symphony_worker_budget_exceeded_total",
    "Tasks that were given up because they exceeded the budget of their room.",
    "budget",
    Object.entries(stats.exceeded),
  );
  to.gauge(
    "symphony_quarantined_rooms",
    "Rooms whose documents take more time or memory to compact or to show than a room may use.",
    quarantine.size,
  );
}

function writeCluster(to: Exposition, stats: ReplicationStats, isAlive: boolean): void {
  to.counter(
    "symphony_bus_messages_received_total",
    "Messages of other servers on the bus.",
    stats.busIn,
  );
  to.counter(
    "symphony_bus_messages_published_total",
    "Messages to other servers on the bus.",
    stats.busOut,
  );
  to.counter(
    "symphony_bus_gaps_total",
    "How often something of another server was missed: a message was lost, or was too large for the bus.",
    stats.sequenceGaps,
  );
  to.counter(
    "symphony_bus_interruptions_total",
    "How often the bus was interrupted, counted for each document when it works again.",
    stats.interruptions,
  );
  to.counters(
    "symphony_peer_fetches_total",
    "What other servers answered when they were asked for a document.",
    "result",
    Object.entries(stats.fetches),
  );
  to.gauge(
    "symphony_lease_held",
    "1 while other servers take this one for alive, or there are none; 0 when its lease has lapsed.",
    Number(isAlive),
  );
  to.counter(
    "symphony_lease_rejoins_total",
    "How often the lease of this server had lapsed and was taken again.",
    stats.rejoins,
  );
}

function writeHooks(to: Exposition, stats: HookStats): void {
  to.counters(
    "symphony_hook_calls_total",
    "Calls of functions that the application has given.",
    "hook",
    stats.calls,
  );
  to.counters(
    "symphony_hook_failures_total",
    "Those of them that threw, rejected or took too long.",
    "hook",
    stats.failures,
  );
  to.counters(
    "symphony_hook_drops_total",
    "What hooks were not told because too much waited.",
    "hook",
    stats.dropped,
  );
}

/** @param stats by what is told; without those that nobody wants to be told */
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
    "Notifications that their receiver took.",
    "kind",
    values(({ delivered }) => delivered),
  );
  to.counters(
    "symphony_notification_failures_total",
    "Notifications that were not taken; each is tried again.",
    "kind",
    values(({ failures }) => failures),
  );
  to.counters(
    "symphony_notifications_given_up_total",
    "Notifications that were never taken: for three days, or the receiver answered 410.",
    "kind",
    values(({ givenUp }) => givenUp),
  );
  to.gauges(
    "symphony_notifications_pending",
    "What is to be told, of all servers, as of some seconds ago.",
    "kind",
    values(({ pending }) => pending.rows),
  );
  to.gauges(
    "symphony_notifications_pending_seconds",
    "For how long the oldest of it has waited.",
    "kind",
    values(({ pending: { oldest } }) =>
      oldest === null ? 0 : Math.max(0, (Date.now() - oldest) / 1_000),
    ),
  );
}

function writeEvents(to: Exposition, stats: EventStats): void {
  to.counter(
    "symphony_events_dropped_total",
    "Events that the application is not told of: there were too many, or they were given up.",
    stats.dropped,
  );
}
