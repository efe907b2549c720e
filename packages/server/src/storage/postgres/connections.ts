import { Pool, type PoolClient, type QueryConfig, type QueryResult } from "pg";
import type { Logger } from "pino";
import { StorageError } from "../errors.ts";
import { CONNECT_MS, type Database, explained, STATEMENT_MS } from "./database.ts";
import { urlWithoutOptions } from "./probe.ts";
import {
  beginWith,
  type SessionSettings,
  settingsOfUrl,
  urlWithSettings,
} from "./session-settings.ts";
import { valueTypes } from "./values.ts";

export interface ConnectionsOptions {
  readonly database: Database;
  /** The maximum number of connections. */
  readonly most: number;
  /** Time limit for a statement, in milliseconds. Default: `STATEMENT_MS`. */
  readonly statementTimeout?: number;
  /** Settings of every session, overriding those of the server. */
  readonly settings?: SessionSettings;
  readonly logger: Pick<Logger, "debug">;
}

/**
 * The database cancels a statement, and releases its locks, this long before this process gives up.
 */
const HEAD_START_MS = 500;

/** A pool of connections to one database, opened on demand, and closed when idle. */
export class Connections {
  readonly #database: Database;
  readonly #pool: Pool;
  /** Begins a transaction and applies the settings, for poolers that keep no session settings. */
  readonly #begin: string | undefined;
  readonly #opening: Set<Promise<PoolClient>> = new Set();
  #closed: Promise<void> | undefined;

  constructor(options: ConnectionsOptions) {
    const { database, most, statementTimeout = STATEMENT_MS, settings = {}, logger } = options;
    const { url, pooled = false } = database;
    const all = {
      ...settings,
      // Acknowledged data must be on the server's disk.
      synchronous_commit: "on",
      bytea_output: "hex",
      statement_timeout: String(statementTimeout - HEAD_START_MS),
      // If this process hangs in the middle of a transaction, others must not wait for it.
      idle_in_transaction_session_timeout: String(statementTimeout),
    };
    this.#database = database;
    this.#begin = pooled ? beginWith({ ...settingsOfUrl(url), ...all }) : undefined;
    this.#pool = new Pool({
      connectionString: pooled ? urlWithoutOptions(url) : urlWithSettings(url, all),
      fallback_application_name: "symphony-backend",
      max: most,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: statementTimeout,
      idleTimeoutMillis: 30_000,
      // An idle connection to a server that hangs must not keep this process from exiting.
      allowExitOnIdle: true,
      keepAlive: true,
      types: valueTypes,
    });
    // When a connection ends, the statement running on it fails. The error events, which idle
    // connections emit too, would end the process without a listener.
    const note = (error: Error) => logger.debug({ err: error }, "a database connection ended");
    this.#pool.on("connect", (client) => client.on("error", note));
    this.#pool.on("error", note);
  }

  /**
   * Runs one statement.
   *
   * @param what for the error message, as in "append to the journal"
   * @throws StorageError if it failed or took too long, or if the outcome is unknown
   */
  async query<Row extends object>(what: string, query: QueryConfig<unknown[]>): Promise<Row[]> {
    const connection = await this.acquire(what);
    try {
      const { rows } = await connection.run<Row>(query);
      return rows;
    } finally {
      connection.release();
    }
  }

  /**
   * Returns a connection for several statements; the caller must release it.
   *
   * @throws StorageError
   */
  async acquire(what: string): Promise<PooledConnection> {
    if (this.#closed !== undefined) {
      throw new StorageError(`Could not ${what}: the store is closed`);
    }
    const opening = this.#pool.connect();
    this.#opening.add(opening);
    try {
      return new PooledConnection(await opening, this.#begin, (error) =>
        this.explained(what, error),
      );
    } catch (error) {
      throw this.explained(what, error);
    } finally {
      this.#opening.delete(opening);
    }
  }

  explained(what: string, error: unknown): StorageError {
    return explained(this.#database, what, error);
  }

  /** Waits for pending statements. May be called more than once. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // An ending pool waits for connections in use, but drops the callers that wait for one.
    await Promise.allSettled(this.#opening);
    await this.#pool.end();
  }
}

/**
 * A connection while it is in use. It is discarded after a failure: its transaction is void, a
 * response may still arrive, or the server is shutting down or is no longer the primary. Closing it
 * rolls back whatever is not committed.
 */
export class PooledConnection {
  readonly #client: PoolClient;
  readonly #settingsBegin: string | undefined;
  readonly #explained: (error: unknown) => StorageError;
  #failure: StorageError | undefined;

  /** @param settingsBegin begins a transaction, behind poolers that keep no session state */
  constructor(
    client: PoolClient,
    settingsBegin: string | undefined,
    explained: (error: unknown) => StorageError,
  ) {
    this.#client = client;
    this.#settingsBegin = settingsBegin;
    this.#explained = explained;
  }

  /** Runs one statement in its own transaction. @throws StorageError as for `query` */
  async run<Row extends object>(query: QueryConfig<unknown[]>): Promise<QueryResult<Row>> {
    if (this.#settingsBegin === undefined) return this.query(query);
    await this.begin();
    const { name, ...unnamed } = query;
    const result = await this.query<Row>(unnamed);
    await this.query({ text: "COMMIT" });
    return result;
  }

  /** Begins a transaction. @throws StorageError as for `query` */
  async begin(): Promise<void> {
    await this.query({ text: this.#settingsBegin ?? "BEGIN" });
  }

  /**
   * Runs a statement of a transaction.
   *
   * @throws StorageError, and the same one on every later call
   */
  async query<Row extends object>(query: QueryConfig<unknown[]>): Promise<QueryResult<Row>> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await this.#client.query<Row>(query);
    } catch (error) {
      this.#failure = this.#explained(error);
      throw this.#failure;
    }
  }

  release(): void {
    this.#client.release(this.#failure);
  }
}
