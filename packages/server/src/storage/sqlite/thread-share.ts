import { StorageError } from "../errors.ts";
import type { CallOptions, DatabaseThread } from "./database-thread.ts";
import type { Calls } from "./thread-messages.ts";

/** One component's use of a database thread; it can be closed while other uses continue. */
export class ThreadShare<Table extends Calls<Table>> {
  readonly #thread: DatabaseThread<Table>;
  readonly #leave: () => Promise<void>;
  readonly #begun = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** @param leave called once, when this share is closed and its calls have ended */
  constructor(thread: DatabaseThread<Table>, leave: () => Promise<void>) {
    this.#thread = thread;
    this.#leave = leave;
  }

  /** @throws StorageError also if the share is closed */
  async call<Name extends keyof Table & string>(
    name: Name,
    args: Parameters<Table[Name]>,
    options: CallOptions,
  ): Promise<ReturnType<Table[Name]>> {
    if (this.#closing !== undefined) {
      throw new StorageError(`Could not ${options.purpose}: the store is closed`);
    }
    const call = this.#thread.call(name, args, options);
    this.#begun.add(call);
    try {
      return await call;
    } finally {
      this.#begun.delete(call);
    }
  }

  /** Waits for pending calls. May be called more than once. @throws StorageError */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#begun);
    await this.#leave();
  }
}

/**
 * Returns a function that each of `count` users calls when it leaves; the last call runs `release`.
 */
export function whenLastLeaves(count: number, release: () => Promise<void>): () => Promise<void> {
  let users = count;
  return async () => {
    users -= 1;
    if (users === 0) await release();
  };
}
