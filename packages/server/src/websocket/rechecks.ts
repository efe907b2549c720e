import type { AccessControl } from "../auth/access.ts";
import { type BackoffBounds, backoff } from "../runtime/backoff.ts";
import type { Connection } from "./connection.ts";

/** How many connections are checked at a time. */
const AT_ONCE = 16;
/** After this many undecided checks in a row, the remaining connections wait for the next retry. */
const MOST_UNDECIDED = 3;
const RETRY: BackoffBounds = { first: 1_000, longest: 30_000 };

interface RunningRecheck {
  readonly done: Promise<void>;
  /** A further check, shared by all callers that arrive meanwhile. */
  next: Promise<void> | null;
}

/**
 * Checks again whether connections are still allowed. If the access control is unavailable, a connection
 * stays open until its access expires, and is checked again after growing pauses. Only a denial closes
 * it.
 */
export class Rechecks {
  readonly #access: AccessControl;
  readonly #connections: ReadonlySet<Connection>;
  readonly #running: Map<string, RunningRecheck> = new Map();
  readonly #undecided: Set<Connection> = new Set();
  /** Retries in a row that left connections undecided. */
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(access: AccessControl, connections: ReadonlySet<Connection>) {
    this.#access = access;
    this.#connections = connections;
  }

  /**
   * Checks all connections to a room against the current permissions. Resolves when those no longer
   * allowed have been closed. Calls made during a check share one further check. Does not reject.
   */
  recheck(room: string): Promise<void> {
    const running = this.#running.get(room);
    if (running === undefined) return this.#start(room);
    running.next ??= running.done.then(() => this.#start(room));
    return running.next;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#undecided.clear();
  }

  #start(room: string): Promise<void> {
    this.#access.forget(room);
    const affected = [...this.#connections].filter((connection) => connection.room === room);
    const done = this.#check(affected);
    const running = { done, next: null };
    this.#running.set(room, running);
    return done.then(() => {
      if (this.#running.get(room) === running) this.#running.delete(room);
    });
  }

  async #check(connections: readonly Connection[]): Promise<void> {
    const rest = [...connections];
    let undecided = 0;
    const work = async () => {
      for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
        const isDecided = undecided < MOST_UNDECIDED && (await next.recheck());
        undecided = isDecided ? 0 : undecided + 1;
        if (!isDecided && this.#connections.has(next)) this.#undecided.add(next);
        else this.#undecided.delete(next);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (this.#undecided.size > 0) this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#failures++;
    this.#timer = setTimeout(() => void this.#retry(), backoff(this.#failures, RETRY));
  }

  async #retry(): Promise<void> {
    const undecided = [...this.#undecided];
    this.#undecided.clear();
    this.#timer = undefined;
    await this.#check(undecided.filter((connection) => this.#connections.has(connection)));
    if (this.#undecided.size === 0) this.#failures = 0;
  }
}
