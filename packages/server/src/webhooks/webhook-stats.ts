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
