/** What the main thread and a database thread say to each other. */

/** Asks a database thread for one call. `close` ends the use of the database. */
export interface ThreadRequest {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What became of one call. */
export type ThreadReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: ThreadFailure };

/** An error, as plain data: class instances do not survive the way between two threads. */
export interface ThreadFailure {
  readonly kind: "storage" | "corrupted" | "conflict";
  readonly message: string;
  /** The extended result code of SQLite, when the error came from it. */
  readonly code: number | undefined;
}

/** An interface whose methods are the calls that a database thread answers. */
export type Calls<Table> = { [Name in keyof Table]: (...args: never[]) => unknown };

/** What the database thread implements for the calls of `Table`. */
export type Answers<Table extends Calls<Table>> = {
  [Name in keyof Table]: (...args: Parameters<Table[Name]>) => Answer<ReturnType<Table[Name]>>;
} & { close(): void };

/** The result of a call; `transfer`: buffers in it that are handed over instead of copied. */
export interface Answer<Value> {
  readonly value: Value;
  readonly transfer?: readonly ArrayBuffer[];
}
