import type { DatabaseSync, StatementSync } from "node:sqlite";
import { atomically, openConnection } from "./connection.ts";
import type { Statement, StatementCalls, StatementResult } from "./statement-calls.ts";
import type { CallHandlers, CallResult } from "./thread-messages.ts";

/** The program has a few dozen fixed statements; the limit is for those built from searches. */
const MAX_PREPARED = 200;

/** Runs statements sent by another thread. Runs in the thread that owns the file. */
export class StatementDatabase implements CallHandlers<StatementCalls> {
  readonly #connection: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** @throws StorageError */
  constructor(path: string) {
    this.#connection = openConnection(path);
    // SQLite's own lower() converts ASCII letters only.
    this.#connection.function("lower", { deterministic: true }, (text) =>
      String(text).toLowerCase(),
    );
  }

  run(statements: readonly Statement[]): CallResult<readonly StatementResult[]> {
    const runAll = () => statements.map((statement) => this.#run(statement));
    return { value: statements.length > 1 ? atomically(this.#connection, runAll) : runAll() };
  }

  close(): void {
    this.#connection.close();
  }

  #run({ sql, parameters }: Statement): StatementResult {
    const statement = this.#prepare(sql);
    if (statement.columns().length > 0) {
      return { rows: statement.all(...parameters), changes: undefined };
    }
    return { rows: [], changes: Number(statement.run(...parameters).changes) };
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    const statement = this.#connection.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
