import type { Exposition } from "../runtime/metrics/exposition.ts";

// Counters kept by the classes in this folder. Updating a field costs next to nothing; the metrics read
// them on request.

/** Deliveries to the application. */
export class DeliveryStats {
  delivered = 0;
  failures = 0;
  givenUp = 0;
  /** For all servers, as of a few seconds ago. `oldest` is in milliseconds since the epoch. */
  pending: { readonly rows: number; readonly oldest: number | null } = { rows: 0, oldest: null };
}

/** This server's events. */
export class EventStats {
  /** Events dropped because there were too many, or because delivery was abandoned. */
  dropped = 0;
}

/** @param stats by kind of notification; `undefined` for kinds that are not configured */
export function writeNotifications(
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

export function writeEvents(to: Exposition, stats: EventStats): void {
  to.counter(
    "symphony_events_dropped_total",
    "Events dropped because there were too many, or because delivery was abandoned.",
    stats.dropped,
  );
}
