/** The calls served by the thread that owns `metadata.db`. */
export interface StatementCalls {
  /** Runs all statements in order, or none of them. */
  run(statements: readonly Statement[]): readonly StatementResult[];
}

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly StatementValue[];
}

export type StatementValue = string | number | null;

export interface StatementResult {
  readonly rows: readonly Record<string, unknown>[];
  /** How many rows an insert, update or delete changed; `undefined` for a query. */
  readonly changes: number | undefined;
}
