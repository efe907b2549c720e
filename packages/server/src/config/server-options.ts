import type { Logger } from "pino";
import type { AccessControl, Authorize } from "../auth/access.ts";
import type { ServerDocument } from "../documents/server-document.ts";
import type { Hooks, LoadRoom } from "../hooks/hooks.ts";
import type { AttachTo } from "../http/attached-listener.ts";
import type { Bus } from "../replication/bus.ts";
import type { Incarnation, Registry, ServerAddress } from "../replication/registry.ts";
import type { Journal } from "../storage/journal.ts";
import type { Metadata } from "../storage/metadata.ts";
import type { SnapshotStore } from "../storage/snapshots.ts";
import type { Config } from "./config.ts";

/**
 * The options of a server. All are optional: `createServer()` does what the command `symphony-backend`
 * does without settings.
 *
 * **Ownership.** Once `createServer` is called, the server owns `access`, the three stores, and what
 * `bus` and `registry` return. It closes each of them once: when the server is closed, or when it could
 * not be created. To keep using one afterwards, wrap it in an object whose `close` does nothing.
 */
export interface ServerOptions {
  /**
   * Settings by the names of their environment variables, with the same defaults and checks. The
   * environment itself is not read; pass `settings: process.env` for that. Only the AWS SDK reads it, for
   * region and credentials.
   */
  readonly settings?: Settings | undefined;

  /** Serves a path of the application's own HTTP server instead of listening on a port. */
  readonly attachTo?: AttachTo | undefined;

  /**
   * Decides who is admitted, instead of an `AUTH_…` setting. If it caches nothing, a function is enough.
   * It must settle within ten seconds. If it throws anything other than an {@link AccessDeniedError}, the
   * client is not admitted and retries.
   */
  readonly access?: AccessControl | Authorize | undefined;

  /** Replaces the journal that `DATABASE_URL` or `DATA_DIR` selects. */
  readonly journal?: Journal | undefined;

  /** Replaces the snapshot store that `S3_BUCKET`, `DATABASE_URL` or `DATA_DIR` selects. */
  readonly snapshots?: SnapshotStore | undefined;

  /** Replaces the metadata store that `DATABASE_URL` or `DATA_DIR` selects. */
  readonly metadata?: Metadata | undefined;

  /**
   * Opens the bus between servers, replacing `REDIS_URL`. A server with a bus needs a registry, a
   * `CLUSTER_SECRET`, and stores that all servers share.
   */
  readonly bus?: OpenPart<Bus> | undefined;

  /**
   * Opens the registry of which server holds which room, replacing the one in `DYNAMODB_TABLE` or
   * `DATABASE_URL`. Needs a bus.
   */
  readonly registry?: OpenPart<Registry> | undefined;

  /** Functions that are called when something happens on this server. */
  readonly hooks?: Hooks | undefined;

  /** Provides the initial content of rooms that have nothing stored. */
  readonly load?: LoadRoom | undefined;

  /** The server's logger. By default, JSON to standard output at `LOG_LEVEL` and above. */
  readonly logger?: Logger | undefined;
}

/** Settings by the names of their environment variables; docs/settings.md describes each. */
export type Settings = { readonly [Name in keyof Config]?: string | number | boolean | undefined };

/**
 * Opens a part that needs to know which server it belongs to.
 *
 * @throws any error that prevents opening; `createServer` then rejects with it
 */
export type OpenPart<Part> = (member: ClusterMember) => Part | Promise<Part>;

/** A server, as seen by the parts that connect it to others. */
export interface ClusterMember {
  /** Where other servers reach it; also its identity in the registry and on the bus. */
  readonly address: ServerAddress;
  /** Distinguishes this run of the server from earlier runs at the same address. Stored in the registry. */
  readonly incarnation: Incarnation;
  readonly logger: Logger;
}

/** A running server. */
export interface SymphonyServer {
  /**
   * The server's URL: `http://host:port` (`https` with TLS), followed by the path if it is attached. If
   * the server it is attached to is not listening, only the path.
   */
  readonly url: string;

  /**
   * Opens a room for code in this process: a `Y.Doc` that stays in sync with the room and edits it like
   * any client, on whichever server of the cluster. A room may be opened any number of times; each opened
   * document is a separate client.
   *
   * @throws RoomNameError; ClosedError if the server is closing; DeletedError while the room is
   *   being deleted; StorageError, CorruptedError or RegistryError if the room cannot be read
   */
  openDocument(room: string): Promise<ServerDocument>;

  /**
   * Stops accepting connections, makes all updates durable, closes clients with 1012, stores snapshots
   * and releases all resources, within 25 seconds in total. Never rejects; may be called again.
   *
   * @returns whether every received update is durable
   */
  close(): Promise<boolean>;
}
