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
 * What a server is built from. Everything is optional: `createServer()` is what the command
 * `symphony-backend` does without settings.
 *
 * **Who closes what.** `access` and the three stores belong to the server from the call of
 * `createServer` on, and so does what `bus` and `registry` return. It closes each of them once, when it
 * is closed or could not be created. Whoever wants to go on using one gives an object around it whose
 * `close` does nothing.
 */
export interface ServerOptions {
  /**
   * Settings by the names of their environment variables, with the same defaults and checks. The
   * environment itself is not read; `settings: process.env` does that. Only the SDK of AWS looks there
   * by itself, for region and credentials.
   */
  readonly settings?: Settings | undefined;

  /** Serves a path of the application's own HTTP server, instead of listening. */
  readonly attachTo?: AttachTo | undefined;

  /**
   * Decides who may come in, instead of what an `AUTH_…` setting names. A function is enough for those
   * who remember no answers. It has ten seconds; whatever else it throws than an
   * {@link AccessDeniedError} lets nobody in, and the client tries again.
   */
  readonly access?: AccessControl | Authorize | undefined;

  /** Instead of the journal that `DATABASE_URL` or `DATA_DIR` names. */
  readonly journal?: Journal | undefined;

  /** Instead of the snapshots that `S3_BUCKET` or `DATA_DIR` names. */
  readonly snapshots?: SnapshotStore | undefined;

  /** Instead of the metadata that `DATABASE_URL` or `DATA_DIR` names. */
  readonly metadata?: Metadata | undefined;

  /**
   * Opens the bus between servers, instead of `REDIS_URL`. A server with a bus needs a registry, a
   * `CLUSTER_SECRET`, and stores that all servers share.
   */
  readonly bus?: OpenPart<Bus> | undefined;

  /** Opens the registry of who holds what, instead of `DYNAMODB_TABLE`. It needs a bus. */
  readonly registry?: OpenPart<Registry> | undefined;

  /** Is told of what happens on this server. */
  readonly hooks?: Hooks | undefined;

  /** Gives the first content of rooms of which nothing is stored. */
  readonly load?: LoadRoom | undefined;

  /** Where the server logs; without it, as JSON to the standard output from `LOG_LEVEL` on. */
  readonly logger?: Logger | undefined;
}

/** Settings by the names of their environment variables; docs/settings.md describes each. */
export type Settings = { readonly [Name in keyof Config]?: string | number | boolean | undefined };

/**
 * Opens a part of a server that has to know which server it is for.
 *
 * @throws whatever kept it from being opened; `createServer` then rejects with that
 */
export type OpenPart<Part> = (member: ClusterMember) => Part | Promise<Part>;

/** A server, as the parts that connect it to others see it. */
export interface ClusterMember {
  /** At which the others reach it, and by which the registry and the bus know it. */
  readonly address: ServerAddress;
  /** Tells this run of the server from earlier ones at its address. The registry stores it. */
  readonly incarnation: Incarnation;
  readonly logger: Logger;
}

/** A server that is running. */
export interface SymphonyServer {
  /**
   * Where it is: `http://host:port`, followed by the path when it is attached. Attached to a server that
   * does not listen, it is only the path.
   */
  readonly url: string;

  /**
   * Opens a room for code of this process: a `Y.Doc` that follows it, and edits like any client, on
   * whichever server of the cluster. It may be opened any number of times; each is a client of its own.
   *
   * @throws RoomNameError; ClosedError when the server is being closed; DeletedError while the room is
   *   being deleted; StorageError, CorruptedError or RegistryError when it cannot be read
   */
  openDocument(room: string): Promise<ServerDocument>;

  /**
   * Takes no new connections, makes everything durable, closes the clients with 1012, stores
   * snapshots, and releases everything, all within 25 seconds. It does not reject, and may be called
   * again.
   *
   * @returns whether every update that was received is durable
   */
  close(): Promise<boolean>;
}
