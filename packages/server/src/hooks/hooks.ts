import type { AccessLevel } from "../auth/access.ts";

/**
 * Functions of the application that are called when something happens on this server. Every hook may
 * return a promise. Calls for one room are sequential: each waits for the previous one to finish, for at
 * most ten seconds. Rooms do not wait for each other.
 *
 * Hooks only observe: the server does not wait for them, and their results decide nothing. A hook that
 * throws, rejects or takes longer is logged with its room and counted in the metrics; so are calls dropped
 * because too many are waiting.
 */
export interface Hooks {
  /** A client was admitted and has joined the room. */
  readonly onConnect?: Hook<ConnectEvent> | undefined;

  /** This server has loaded a room that it did not hold before. */
  readonly onLoad?: Hook<LoadEvent> | undefined;

  /**
   * Clients of this server have changed a document, and the changes are durable. Other servers that hold
   * the room do not call their hooks for them. Changes that arrive while the hook is busy with the room are
   * passed together in the next call.
   *
   * Every change is passed at least once, unless the server dies or too much is waiting. A client that
   * reconnects may resend changes that another server has already passed; applying an update twice is safe.
   */
  readonly onChange?: Hook<ChangeEvent> | undefined;

  /** A snapshot of a room was stored. */
  readonly onStore?: Hook<StoreEvent> | undefined;

  /** The connection of an admitted client has closed. */
  readonly onDisconnect?: Hook<DisconnectEvent> | undefined;
}

export type Hook<Event> = (event: Event) => unknown;

export interface RoomConnection {
  readonly room: string;
  /** Unique ID of the connection, also used in the logs and the metadata. */
  readonly connection: string;
  /** The client's subject according to the access control; `null` if it gave none. */
  readonly subject: string | null;
}

export interface ConnectEvent extends RoomConnection {
  readonly level: AccessLevel;
  /** The client's address, determined according to `TRUSTED_PROXIES`. */
  readonly address: string;
}

export interface DisconnectEvent extends RoomConnection {
  /** The close code: the server's if it closed the connection, otherwise the client's, 1005 or 1006. */
  readonly code: number;
}

export interface LoadEvent {
  readonly room: string;
}

export interface ChangeEvent {
  readonly room: string;
  /** In the order received; at least one. */
  readonly changes: readonly Change[];
}

export interface Change {
  /** An encoded Yjs update (format V1). */
  readonly update: Uint8Array;
  /**
   * The author's connection; `null` if unknown: for changes that a client sent in its initial sync, which
   * may be anyone's; for changes through the API; and if the connection closed before the change was
   * durable.
   */
  readonly author: ChangeAuthor | null;
}

/** The connection that wrote a change. */
export type ChangeAuthor = Pick<RoomConnection, "connection" | "subject">;

export interface StoreEvent {
  readonly room: string;
  /** The encoded size of the snapshot. */
  readonly bytes: number;
}

/**
 * Provides the initial content of a room that has neither a snapshot nor a journal, for example from the
 * application's own database.
 *
 * It must return the same bytes on every call for a room: two servers may open the room at once, and Yjs
 * treats the same content from different client IDs as two insertions. So store an encoded update, or
 * create it with a fixed `clientID`.
 *
 * @returns an encoded Yjs update (format V1); `null` for an empty room. It has ten seconds. If it fails or
 *   returns anything else, the room is not opened, and clients are closed with 1013
 */
export type LoadRoom = (room: string) => Promise<Uint8Array | null> | Uint8Array | null;
