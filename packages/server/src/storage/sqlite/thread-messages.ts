/** The messages between the main thread and a database thread. */

/** Requests one call from a database thread. `close` closes the database. */
export interface ThreadRequest {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** The outcome of one call. */
export type ThreadReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: ThreadFailure };

/** An error as plain data: class instances do not survive being posted between threads. */
export interface ThreadFailure {
  readonly kind: "storage" | "corrupted" | "conflict";
  readonly message: string;
  /** The extended result code of SQLite, if the error came from it. */
  readonly code: number | undefined;
}

/** An interface whose methods are the calls that a database thread serves. */
export type Calls<Table> = { [Name in keyof Table]: (...args: never[]) => unknown };

/** The implementation of the calls of `Table` in the database thread. */
export type CallHandlers<Table extends Calls<Table>> = {
  [Name in keyof Table]: (...args: Parameters<Table[Name]>) => CallResult<ReturnType<Table[Name]>>;
} & { close(): void };

/** The result of a call. Buffers in `transfer` are transferred instead of copied. */
export interface CallResult<Value> {
  readonly value: Value;
  readonly transfer?: readonly ArrayBuffer[];
}
