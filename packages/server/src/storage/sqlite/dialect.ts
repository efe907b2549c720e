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
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import type {
  Statement,
  StatementCalls,
  StatementResult,
  StatementValue,
} from "./statement-calls.ts";
import type { ThreadShare } from "./thread-share.ts";

/** Lets Kysely use the SQLite database of another thread. */
export class ThreadDialect implements Dialect {
  readonly #share: ThreadShare<StatementCalls>;

  constructor(share: ThreadShare<StatementCalls>) {
    this.#share = share;
  }

  createDriver(): Driver {
    return new ThreadDriver(this.#share);
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** Runs compiled queries in one transaction. @throws StorageError; none of them took effect */
export function runStatements(
  share: ThreadShare<StatementCalls>,
  queries: readonly CompiledQuery[],
): Promise<readonly StatementResult[]> {
  const statements: Statement[] = queries.map(({ sql, parameters }) => ({
    sql,
    parameters: parameters as readonly StatementValue[],
  }));
  return share.call("run", [statements], { purpose: "use the metadata" });
}

/**
 * All statements go to the thread's single connection, one by one. Transactions are rejected: one
 * that is open between two messages would include statements that other callers send in the
 * meantime.
 */
class ThreadDriver implements Driver {
  readonly #share: ThreadShare<StatementCalls>;

  constructor(share: ThreadShare<StatementCalls>) {
    this.#share = share;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new ThreadConnection(this.#share);
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    throw new Error("This driver has no interactive transactions: run the statements together.");
  }

  async commitTransaction(): Promise<void> {}

  async rollbackTransaction(): Promise<void> {}

  destroy(): Promise<void> {
    return this.#share.close();
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #share: ThreadShare<StatementCalls>;

  constructor(share: ThreadShare<StatementCalls>) {
    this.#share = share;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const [result] = await runStatements(this.#share, [query]);
    const rows = (result?.rows ?? []) as Row[];
    const changes = result?.changes;
    return changes === undefined ? { rows } : { rows, numAffectedRows: BigInt(changes) };
  }

  streamQuery(): never {
    throw new Error("This driver does not stream: read the rows in pages.");
  }
}
