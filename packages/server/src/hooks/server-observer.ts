import type { AccessLevel } from "../auth/access.ts";
import type { ChangeAuthor, RoomConnection } from "./hooks.ts";

/** A client that has been admitted to a room. */
export interface ObservedSession extends RoomConnection {
  readonly level: AccessLevel;
  /** The client's address, determined according to `TRUSTED_PROXIES`. */
  readonly address: string;
}

/**
 * Hears of what happens on one server: metadata, activity, webhooks and the application's hooks follow
 * from it. The methods must not throw, and must return at once.
 */
export interface ServerObserver {
  /** A client has joined a room. */
  sessionOpened(session: ObservedSession): void;

  /** A session that was opened has ended. @param code the close code of its connection */
  sessionClosed(session: ObservedSession, code: number): void;

  /** @param isFirstHolder whether no other server held the room */
  roomOpened(room: string, isFirstHolder: boolean): void;

  /** @param isUnused whether nothing was ever written to the room, so that nothing is stored of it */
  roomUnloaded(room: string, isUnused: boolean): void;

  /** A snapshot was stored. @param changedAt when the room last changed, in milliseconds since the epoch */
  roomStored(room: string, bytes: number, changedAt: number): void;

  /** This server has deleted the room. */
  roomDeleted(room: string): void;

  /** Clients of this server have written to the room, and it is durable. Called once per commit. */
  roomCommitted(room: string): void;

  /**
   * One of the updates of a commit. `null` if nobody wants them: then they cost nothing.
   *
   * @param update only valid during the call, unless it is copied
   */
  readonly updateCommitted:
    | ((room: string, update: Uint8Array, author: ChangeAuthor | null) => void)
    | null;
}

const ignore = () => {};

/** Observes nothing. */
export const NO_OBSERVER: ServerObserver = {
  sessionOpened: ignore,
  sessionClosed: ignore,
  roomOpened: ignore,
  roomUnloaded: ignore,
  roomStored: ignore,
  roomDeleted: ignore,
  roomCommitted: ignore,
  updateCommitted: null,
};
