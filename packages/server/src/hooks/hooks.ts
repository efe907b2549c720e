import type { AccessLevel } from "../auth/access.ts";

/**
 * What an application is told of what happens on this server. Every hook may return a promise. What
 * happens in one room is told one after the other: the next call for the room waits for the end of the
 * one before, for ten seconds at the most. Rooms do not wait for each other.
 *
 * A hook decides nothing, and nobody waits for it. One that throws, rejects or takes longer is logged
 * with its room and counted in the metrics; so is what is dropped because too much waits to be told.
 */
export interface Hooks {
  /** Somebody was let in, and has the room open. */
  readonly onConnect?: Hook<ConnectEvent> | undefined;

  /** This server has opened a room that it did not hold before. */
  readonly onLoad?: Hook<LoadEvent> | undefined;

  /**
   * Clients of this server have changed a document, and it is durable. Other servers that hold the
   * room do not tell of it. Changes that come while the hook is busy with the room are told together.
   *
   * Every change is told at least once, unless the server dies or too much waits. A client that
   * reconnects may return what another server has told already; updates may be applied twice.
   */
  readonly onChange?: Hook<ChangeEvent> | undefined;

  /** A snapshot of a room was stored. */
  readonly onStore?: Hook<StoreEvent> | undefined;

  /** The connection of somebody who was let in has ended. */
  readonly onDisconnect?: Hook<DisconnectEvent> | undefined;
}

export type Hook<Event> = (event: Event) => unknown;

export interface RoomConnection {
  readonly room: string;
  /** Names the connection, also in the logs and the metadata. */
  readonly connection: string;
  /** Who it is, as the access says; `null` when it does not. */
  readonly subject: string | null;
}

export interface ConnectEvent extends RoomConnection {
  readonly level: AccessLevel;
  /** The client's address, as `TRUSTED_PROXIES` lets it be found. */
  readonly address: string;
}

export interface DisconnectEvent extends RoomConnection {
  /** The close code: the server's when it closed the connection, else the client's, 1005 or 1006. */
  readonly code: number;
}

export interface LoadEvent {
  readonly room: string;
}

export interface ChangeEvent {
  readonly room: string;
  /** In the order in which they were received; at least one. */
  readonly changes: readonly Change[];
}

export interface Change {
  /** An encoded Yjs update (format V1). */
  readonly update: Uint8Array;
  /**
   * Whose client wrote it; `null` when that is not known: for what a client returned when it connected,
   * which may be anybody's; what came by the API; and that of a connection that ended before it was
   * durable.
   */
  readonly author: ChangeAuthor | null;
}

/** Who wrote a change. */
export type ChangeAuthor = Pick<RoomConnection, "connection" | "subject">;

export interface StoreEvent {
  readonly room: string;
  /** The encoded size of the snapshot. */
  readonly bytes: number;
}

/**
 * Gives the first content of a room that has neither a snapshot nor a journal, such as from the
 * application's own database.
 *
 * It must give the same bytes whenever it is called for a room: two servers may open it at once, and to
 * Yjs the same content of different clients is twice the content. So store an encoded update, or make
 * one with a `clientID` that is always the same.
 *
 * @returns an encoded Yjs update (format V1); `null` for an empty room. It has ten seconds; when it
 *   fails, or gives something else, the room is not opened, and clients are closed with 1013
 */
export type LoadRoom = (room: string) => Promise<Uint8Array | null> | Uint8Array | null;
