import type { ChangeAuthor } from "../hooks/hooks.ts";
import type { Identity } from "./identity.ts";

/** What the log knows of the subscriber whose client wrote an update; see `Subscriber`. */
export interface WritingSubscriber {
  readonly origin: Origin;
  readonly identity: Identity;
  readonly author: ChangeAuthor | null;
  pendingFrom: number;
}

/** Where an update in the log came from. */
export type Origin =
  /** The client of a session wrote it. */
  | { readonly kind: "session"; readonly subscriber: WritingSubscriber }
  /**
   * Any client of this server may have written it: it came in an answer to a state vector, through the
   * API or from a session that has ended, or is the result of merging several updates.
   */
  | { readonly kind: "unknown" }
  /** It came from another server or from the stores, and is durable already. */
  | { readonly kind: "remote" };

export const UNKNOWN: Origin = { kind: "unknown" };
export const REMOTE: Origin = { kind: "remote" };
