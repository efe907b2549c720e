import type { Exposition } from "../runtime/metrics/exposition.ts";
import type { JournalStats, SnapshotStats } from "./room-stats.ts";
import type { RoomTable } from "./room-table.ts";
import type { UpdateWorkers } from "./workers/update-workers.ts";

/** The metrics of all rooms, and of what they share: journal, snapshots and workers. */
export function writeRooms(to: Exposition, rooms: RoomTable): void {
  writeDocuments(to, rooms);
  writeJournal(to, rooms.journal.stats, rooms.journal.lag);
  writeSnapshots(to, rooms.snapshotter.stats);
  writeWorkers(to, rooms.workers);
}

function writeDocuments(to: Exposition, rooms: RoomTable): void {
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
