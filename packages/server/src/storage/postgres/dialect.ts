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
import type { Connections, PooledConnection } from "./connections.ts";

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

  async acquireConnection(): Promise<KyselyConnection> {
    return new KyselyConnection(await this.#connections.acquire(this.#purpose));
  }

  async beginTransaction(connection: KyselyConnection): Promise<void> {
    await connection.pooled.begin();
    connection.isInTransaction = true;
  }

  async commitTransaction(connection: KyselyConnection): Promise<void> {
    connection.isInTransaction = false;
    await connection.pooled.query({ text: "COMMIT" });
  }

  async rollbackTransaction(connection: KyselyConnection): Promise<void> {
    connection.isInTransaction = false;
    await connection.pooled.query({ text: "ROLLBACK" });
  }

  async releaseConnection(connection: KyselyConnection): Promise<void> {
    connection.pooled.release();
  }

  destroy(): Promise<void> {
    return this.#connections.close();
  }
}

class KyselyConnection implements DatabaseConnection {
  readonly pooled: PooledConnection;
  isInTransaction = false;

  constructor(pooled: PooledConnection) {
    this.pooled = pooled;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { pooled, isInTransaction } = this;
    const query = { text: sql, values: [...parameters] };
    const result = await (isInTransaction ? pooled.query(query) : pooled.run(query));
    const { command, rowCount } = result;
    const rows = result.rows as Row[];
    if (command === "SELECT" || rowCount === null) return { rows };
    return { rows, numAffectedRows: BigInt(rowCount) };
  }

  streamQuery(): never {
    throw new Error("This driver does not stream: read the rows in pages.");
  }
}
