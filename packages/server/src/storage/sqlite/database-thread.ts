import type { Logger } from "pino";
import { WorkerThread } from "../../runtime/worker-thread.ts";
import { CorruptedError, SnapshotConflictError, StorageError } from "../errors.ts";
import type { Calls, ThreadFailure, ThreadReply, ThreadRequest } from "./thread-messages.ts";

/** A thread that keeps dying is started at most this many times in this period. */
const MAX_STARTS = 3;
const STARTS_WINDOW_MS = 10_000;

/** More calls than are ever pending in a healthy store: if there are this many, the disk hangs. */
const MAX_WAITING = 10_000;

export interface ThreadOptions {
  /** The file that the thread runs. */
  readonly program: URL;
  /** The path of its database file. */
  readonly database: string;
  readonly logger: Pick<Logger, "error"> | undefined;
}

/** How errors describe one call, and which buffers it transfers. */
export interface CallOptions {
  /** Continues "Could not" in errors, as in `read the journal of room "a"`. */
  readonly purpose: string;
  readonly transfer?: readonly ArrayBuffer[];
}

type Thread = WorkerThread<ThreadRequest, ThreadReply>;

interface WaitingCall {
  readonly purpose: string;
  resolve(value: unknown): void;
  reject(error: StorageError): void;
}

/**
 * The main thread's handle to a worker thread that owns one database file. The first call starts
 * the thread; if it has died, the next call starts it again.
 */
export class DatabaseThread<Table extends Calls<Table>> {
  readonly #options: ThreadOptions;
  readonly #waiting = new Map<number, WaitingCall>();
  #thread: Thread | undefined;
  #starts: number[] = [];
  #lastId = 0;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /**
   * Calls are served in order. Arguments are copied, except buffers that are shared or in
   * `transfer`.
   *
   * @throws StorageError if the call failed, or if the thread died before responding
   */
  call<Name extends keyof Table & string>(
    name: Name,
    args: Parameters<Table[Name]>,
    options: CallOptions,
  ): Promise<ReturnType<Table[Name]>> {
    // The type holds because the thread's program implements the same table of calls.
    return this.#send(name, args, options) as Promise<ReturnType<Table[Name]>>;
  }

  /** Closes the database after all earlier calls, and ends the thread. @throws StorageError */
  async stop(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    try {
      await this.#send("close", [], { purpose: `close "${this.#options.database}"` });
    } finally {
      this.#thread = undefined;
      await thread.stop();
    }
  }

  #send(name: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    const { purpose, transfer = [] } = options;
    return new Promise((resolve, reject) => {
      if (this.#waiting.size >= MAX_WAITING) {
        throw new StorageError(`Could not ${purpose}: too many calls are waiting for the disk`);
      }
      this.#thread ??= this.#start(purpose);
      this.#lastId += 1;
      const request: ThreadRequest = { id: this.#lastId, name, args };
      this.#thread.post(request, transfer);
      this.#waiting.set(request.id, { purpose, resolve, reject });
    });
  }

  #start(purpose: string): Thread {
    const now = performance.now();
    this.#starts = this.#starts.filter((start) => start > now - STARTS_WINDOW_MS);
    if (this.#starts.length >= MAX_STARTS) {
      throw new StorageError(`Could not ${purpose}: the database thread keeps dying`);
    }
    this.#starts.push(now);

    const { program, database } = this.#options;
    const thread: Thread = new WorkerThread(program, {
      data: database,
      onMessage: (reply) => this.#settle(reply),
      onEnded: (cause) => {
        if (this.#thread === thread) this.#died(cause);
      },
    });
    return thread;
  }

  #settle(reply: ThreadReply): void {
    const call = this.#waiting.get(reply.id);
    if (call === undefined) return;
    this.#waiting.delete(reply.id);
    if ("value" in reply) call.resolve(reply.value);
    else call.reject(asError(reply.failure, call.purpose));
  }

  #died(cause: Error): void {
    this.#thread = undefined;
    const { database, logger } = this.#options;
    logger?.error({ err: cause, database }, "database thread died");
    const calls = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { purpose, reject } of calls) {
      reject(new StorageError(`Could not ${purpose}: the database thread died`, { cause }));
    }
  }
}

function asError({ kind, message, code }: ThreadFailure, purpose: string): StorageError {
  const text = `Could not ${purpose}: ${message}`;
  if (kind === "conflict") return new SnapshotConflictError(text);
  const options =
    code === undefined ? {} : { cause: new Error(`${message} (SQLite result code ${code})`) };
  return kind === "corrupted" ? new CorruptedError(text, options) : new StorageError(text, options);
}
