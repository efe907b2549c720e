// Counters that the parts of this folder keep while they work. Changing a field costs next to nothing;
// the metrics read them when somebody asks.

/** What the application is told of. */
export class DeliveryStats {
  delivered = 0;
  failures = 0;
  givenUp = 0;
  /** Of all servers, as of some seconds ago. `oldest`: in milliseconds since the epoch. */
  pending: { readonly rows: number; readonly oldest: number | null } = { rows: 0, oldest: null };
}

/** The events of this server. */
export class EventStats {
  /** Those that nobody will be told of: there were too many, or they were given up. */
  dropped = 0;
}
