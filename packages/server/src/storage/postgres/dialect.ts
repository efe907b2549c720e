import type {
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
  QueryResult,
} from "kysely";
import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import type { Connections, Session } from "./connections.ts";

/**
 * Lets Kysely use these connections. Its own dialect would reuse a connection on which a statement
 * has timed out, and the next user would wait as well.
 */
export class ConnectionsDialect implements Dialect {
  readonly #connections: Connections;
  readonly #purpose: string;

  /** @param purpose for messages, as in "use the metadata" */
  constructor(connections: Connections, purpose: string) {
    this.#connections = connections;
    this.#purpose = purpose;
  }

  createDriver(): Driver {
    return new ConnectionsDriver(this.#connections, this.#purpose);
  }

  createAdapter(): DialectAdapter {
    return new UnlockedAdapter();
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }
}

/**
 * Takes no migration lock: the caller takes one for the transaction first. Kysely's lock belongs to
 * a session, which behind a pooler may serve another client by the time the lock is released.
 */
class UnlockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}

  override async releaseMigrationLock(): Promise<void> {}
}

class ConnectionsDriver implements Driver {
  readonly #connections: Connections;
  readonly #purpose: string;

  constructor(connections: Connections, purpose: string) {
    this.#connections = connections;
    this.#purpose = purpose;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SessionConnection> {
    return new SessionConnection(await this.#connections.acquire(this.#purpose));
  }

  async beginTransaction(connection: SessionConnection): Promise<void> {
    await connection.session.begin();
    connection.isInTransaction = true;
  }

  async commitTransaction(connection: SessionConnection): Promise<void> {
    connection.isInTransaction = false;
    await connection.session.query({ text: "COMMIT" });
  }

  async rollbackTransaction(connection: SessionConnection): Promise<void> {
    connection.isInTransaction = false;
    await connection.session.query({ text: "ROLLBACK" });
  }

  async releaseConnection(connection: SessionConnection): Promise<void> {
    connection.session.release();
  }

  destroy(): Promise<void> {
    return this.#connections.close();
  }
}

class SessionConnection implements DatabaseConnection {
  readonly session: Session;
  isInTransaction = false;

  constructor(session: Session) {
    this.session = session;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { session, isInTransaction } = this;
    const query = { text: sql, values: [...parameters] };
    const result = await (isInTransaction ? session.query(query) : session.run(query));
    const { command, rowCount } = result;
    const rows = result.rows as Row[];
    if (command === "SELECT" || rowCount === null) return { rows };
    return { rows, numAffectedRows: BigInt(rowCount) };
  }

  streamQuery(): never {
    throw new Error("This driver does not stream: read the rows in pages.");
  }
}
