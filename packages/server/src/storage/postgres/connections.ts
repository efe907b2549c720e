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
  /** How many there are at most. */
  readonly most: number;
  /** How long a statement may take, in milliseconds. Default: `STATEMENT_MS`. */
  readonly statementTimeout?: number;
  /** Settings of every session, whatever the server's own are. */
  readonly settings?: SessionSettings;
  readonly logger: Pick<Logger, "debug">;
}

/** The server gives up a statement, and the locks that it holds, before this process does. */
const HEAD_START_MS = 500;

/** Connections to one database, opened when they are needed, and closed when they are not. */
export class Connections {
  readonly #database: Database;
  readonly #pool: Pool;
  /** Begins a transaction of a session that has no settings of its own. */
  readonly #begin: string | undefined;
  readonly #opening: Set<Promise<PoolClient>> = new Set();
  #closed: Promise<void> | undefined;

  constructor(options: ConnectionsOptions) {
    const { database, most, statementTimeout = STATEMENT_MS, settings = {}, logger } = options;
    const { url, pooled = false } = database;
    const all = {
      ...settings,
      // What is acknowledged must be on the server's disk.
      synchronous_commit: "on",
      bytea_output: "hex",
      statement_timeout: String(statementTimeout - HEAD_START_MS),
      // When this process hangs in the middle of a transaction, others need not wait for it.
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
      // An unused connection to a server that hangs does not keep this process from ending.
      allowExitOnIdle: true,
      keepAlive: true,
      types: valueTypes,
    });
    // Whoever uses a connection that ends is told by the failure of the statement; the events, which
    // also come when nobody uses it, would end the process if nobody listened.
    const note = (error: Error) => logger.debug({ err: error }, "a database connection ended");
    this.#pool.on("connect", (client) => client.on("error", note));
    this.#pool.on("error", note);
  }

  /**
   * Runs one statement.
   *
   * @param what for the message, as in "append to the journal"
   * @throws StorageError when it failed or took too long, or when it is not known whether it did
   */
  async query<Row extends object>(what: string, query: QueryConfig<unknown[]>): Promise<Row[]> {
    const session = await this.acquire(what);
    try {
      const { rows } = await session.run<Row>(query);
      return rows;
    } finally {
      session.release();
    }
  }

  /** A connection for several statements; the caller releases it. @throws StorageError */
  async acquire(what: string): Promise<Session> {
    if (this.#closed !== undefined) {
      throw new StorageError(`Could not ${what}: the store was closed`);
    }
    const opening = this.#pool.connect();
    this.#opening.add(opening);
    try {
      return new Session(await opening, this.#begin, (error) => this.explained(what, error));
    } catch (error) {
      throw this.explained(what, error);
    } finally {
      this.#opening.delete(opening);
    }
  }

  explained(what: string, error: unknown): StorageError {
    return explained(this.#database, what, error);
  }

  /** Waits for what was begun. May be called more than once. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // A pool that ends waits for those who have a connection, and forgets those who wait for one.
    await Promise.allSettled(this.#opening);
    await this.#pool.end();
  }
}

/**
 * A connection while somebody has it. After a failure it is not used again: its transaction is void,
 * an answer may still come, or the server is going down or is no longer the primary. Closing it rolls
 * back what is not committed.
 */
export class Session {
  readonly #client: PoolClient;
  readonly #settingsBegin: string | undefined;
  readonly #explained: (error: unknown) => StorageError;
  #failure: StorageError | undefined;

  /** @param settingsBegin begins a transaction where settings and statements of a session are lost */
  constructor(
    client: PoolClient,
    settingsBegin: string | undefined,
    explained: (error: unknown) => StorageError,
  ) {
    this.#client = client;
    this.#settingsBegin = settingsBegin;
    this.#explained = explained;
  }

  /** One statement that is a transaction of its own. @throws StorageError as `query` */
  async run<Row extends object>(query: QueryConfig<unknown[]>): Promise<QueryResult<Row>> {
    if (this.#settingsBegin === undefined) return this.query(query);
    await this.begin();
    const { name, ...unnamed } = query;
    const result = await this.query<Row>(unnamed);
    await this.query({ text: "COMMIT" });
    return result;
  }

  /** @throws StorageError as `query` */
  async begin(): Promise<void> {
    await this.query({ text: this.#settingsBegin ?? "BEGIN" });
  }

  /** A statement of a transaction. @throws StorageError, and the same one again from then on */
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
