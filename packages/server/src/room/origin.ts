import type { Subscriber } from "./subscriber.ts";

/** Where an update in the log came from. */
export type Origin =
  /** The client of a session wrote it. */
  | { readonly kind: "session"; readonly subscriber: Subscriber }
  /**
   * Any client of this server may have written it: it came in an answer to a state vector, through the
   * API or from a session that has ended, or is the result of merging several updates.
   */
  | { readonly kind: "unknown" }
  /** It came from another server or from the stores, and is durable already. */
  | { readonly kind: "remote" };

export const UNKNOWN: Origin = { kind: "unknown" };
export const REMOTE: Origin = { kind: "remote" };
