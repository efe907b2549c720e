import type { Logger } from "pino";
import { within } from "../runtime/time-limit.ts";
import { type HookName, HookStats, increment } from "./hook-stats.ts";
import type {
  Change,
  ChangeAuthor,
  ConnectEvent,
  DisconnectEvent,
  Hook,
  Hooks,
  StoreEvent,
} from "./hooks.ts";

export interface HookLimits {
  /** How long a call may take before the next one for its room starts, in milliseconds. */
  readonly callMs: number;
  /** How many rooms may have a call in progress at once. */
  readonly atOnce: number;
  /** How many calls may wait, over all rooms. */
  readonly waiting: number;
  /** How many bytes of changes may wait, over all rooms. */
  readonly bytes: number;
}

const LIMITS: HookLimits = {
  callMs: 10_000,
  atOnce: 64,
  waiting: 10_000,
  bytes: 64 * 1024 * 1024,
};
/** Approximate overhead of a change in addition to its bytes. */
const CHANGE_BYTES = 256;
/** Minimum interval between log lines about dropped calls. */
const LOG_MS = 60_000;

/** A waiting call. */
type Call =
  | { readonly name: "onChange"; readonly changes: Change[]; bytes: number }
  | { readonly name: Exclude<HookName, "onChange">; readonly run: () => unknown };

/** Calls the application's hooks: within each room one at a time, in order. */
export class HookCalls {
  readonly stats: HookStats = new HookStats();
  readonly #hooks: Hooks;
  readonly #logger: Logger;
  readonly #limits: HookLimits;
  /** Waiting calls by room. Rooms are in the order of their turns. */
  readonly #rooms: Map<string, Call[]> = new Map();
  /** Rooms with a call in progress. */
  readonly #busy: Set<string> = new Set();
  #waiting = 0;
  #bytes = 0;
  #dropsLoggedAt = Number.NEGATIVE_INFINITY;
  #idle: (() => void) | undefined;

  constructor(hooks: Hooks, logger: Logger, limits: HookLimits = LIMITS) {
    this.#hooks = hooks;
    this.#logger = logger;
    this.#limits = limits;
  }

  /** Whether there is an `onChange` hook. If not, changes cost nothing. */
  get wantsChanges(): boolean {
    return this.#hooks.onChange !== undefined;
  }

  connected(event: ConnectEvent): void {
    this.#add("onConnect", event, this.#hooks.onConnect);
  }

  loaded(room: string): void {
    this.#add("onLoad", { room }, this.#hooks.onLoad);
  }

  stored(event: StoreEvent): void {
    this.#add("onStore", event, this.#hooks.onStore);
  }

  disconnected(event: DisconnectEvent): void {
    this.#add("onDisconnect", event, this.#hooks.onDisconnect);
  }

  /** @param update copied, because the document keeps using these bytes */
  changed(room: string, update: Uint8Array, author: ChangeAuthor | null): void {
    if (!this.wantsChanges) return;
    const last = this.#rooms.get(room)?.at(-1);
    const isFull = last?.name !== "onChange" && this.#waiting >= this.#limits.waiting;
    const bytes = update.length + CHANGE_BYTES;
    // A change that alone exceeds the limit is accepted if nothing else is waiting.
    if (isFull || (this.#bytes > 0 && this.#bytes + bytes > this.#limits.bytes)) {
      this.#drop("onChange", room);
      return;
    }
    this.#bytes += bytes;
    const change = { update: update.slice(), author };
    if (last?.name === "onChange") {
      last.changes.push(change);
      last.bytes += bytes;
    } else {
      this.#push(room, { name: "onChange", changes: [change], bytes });
    }
  }

  /** Waits until all calls have been made, or `ms` milliseconds have passed. Drops the rest. */
  async close(ms: number): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    if (this.#busy.size > 0 || this.#rooms.size > 0) await within(ms, idle);
    if (this.#waiting > 0)
      this.#logger.error({ calls: this.#waiting }, "hook calls dropped on close");
    this.#rooms.clear();
  }

  #add<Event extends { readonly room: string }>(
    name: Exclude<HookName, "onChange">,
    event: Event,
    hook: Hook<Event> | undefined,
  ): void {
    if (hook === undefined) return;
    if (this.#waiting >= this.#limits.waiting) this.#drop(name, event.room);
    else this.#push(event.room, { name, run: () => hook.call(this.#hooks, event) });
  }

  #push(room: string, call: Call): void {
    this.#waiting++;
    const calls = this.#rooms.get(room);
    if (calls === undefined) this.#rooms.set(room, [call]);
    else calls.push(call);
    // Deferred: the caller must not wait for the hook, and more calls may follow in the same turn.
    if (calls === undefined) setImmediate(() => this.#next());
  }

  /** Starts calls for the rooms whose turn it is, up to the limit. */
  #next(): void {
    if (this.#busy.size >= this.#limits.atOnce) return;
    for (const room of this.#rooms.keys()) {
      if (this.#busy.has(room)) continue;
      this.#busy.add(room);
      void this.#tell(room);
      if (this.#busy.size >= this.#limits.atOnce) return;
    }
  }

  /** Makes the next call of a room. Does not reject. */
  async #tell(room: string): Promise<void> {
    const calls = this.#rooms.get(room) ?? [];
    const call = calls.shift();
    // The room moves to the end of the queue.
    this.#rooms.delete(room);
    if (calls.length > 0) this.#rooms.set(room, calls);
    if (call !== undefined) await this.#call(room, call);
    this.#busy.delete(room);
    if (this.#rooms.size > 0) this.#next();
    else if (this.#busy.size === 0) this.#idle?.();
  }

  async #call(room: string, call: Call): Promise<void> {
    const { name } = call;
    this.#waiting--;
    if (call.name === "onChange") this.#bytes -= call.bytes;
    increment(this.stats.calls, name);
    try {
      const { callMs } = this.#limits;
      if (await within(callMs, this.#run(room, call))) return;
      throw new Error(`the hook did not finish within ${callMs} ms`);
    } catch (error) {
      increment(this.stats.failures, name);
      this.#logger.error({ room, hook: name, err: error }, "hook failed");
    }
  }

  /** Async, so that an exception from the hook becomes a rejection. */
  async #run(room: string, call: Call): Promise<void> {
    if (call.name === "onChange") await this.#hooks.onChange?.({ room, changes: call.changes });
    else await call.run();
  }

  #drop(name: HookName, room: string): void {
    increment(this.stats.dropped, name);
    const now = performance.now();
    if (now - this.#dropsLoggedAt < LOG_MS) return;
    this.#dropsLoggedAt = now;
    this.#logger.error({ room, hook: name }, "hooks too slow, dropping calls");
  }
}
