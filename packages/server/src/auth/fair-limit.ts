import { networkOf } from "../runtime/network-of-address.ts";
import { AccessUnavailableError } from "./access.ts";

export interface FairLimitOptions {
  /** Maximum number of concurrent tasks. */
  readonly atOnce: number;
  /** How many of these slots a single network must leave to others. */
  readonly reserved: number;
  /** Maximum number of waiting tasks. */
  readonly waiting: number;
  /** A task that has waited longer than this is not run. */
  readonly waitMs: number;
}

/** The client and room that a task is run for. */
export interface TaskOwner {
  readonly address: string;
  readonly room: string;
}

interface WaitingTask {
  readonly start: () => void;
  readonly drop: () => void;
}

/** Waiting tasks of one network, by room, in order. */
interface NetworkQueue {
  readonly rooms: Map<string, WaitingTask[]>;
  size: number;
}

/**
 * Limits the number of concurrent tasks. Networks take turns, and within a network, rooms do (round-robin).
 * When too many tasks wait, the newest task is dropped from the longest room queue of the network with the
 * most waiting tasks. So a client that floods a room delays only that room and its own network.
 */
export class FairLimit {
  readonly #options: FairLimitOptions;
  readonly #queues: Map<string, NetworkQueue> = new Map();
  readonly #runningOf: Map<string, number> = new Map();
  #running = 0;
  #waiting = 0;

  constructor(options: FairLimitOptions) {
    this.#options = options;
  }

  /** @throws AccessUnavailableError if too many tasks wait or it waited too long; whatever the task throws */
  async run<T>(owner: TaskOwner, task: () => Promise<T>): Promise<T> {
    const network = networkOf(owner.address);
    if (this.#mayRun(network)) this.#begin(network);
    else await this.#turn(network, owner.room);
    try {
      return await task();
    } finally {
      this.#running--;
      this.#countRunning(network, -1);
      this.#startNext();
    }
  }

  async #turn(network: string, room: string): Promise<void> {
    const { waiting, waitMs } = this.#options;
    const since = performance.now();
    const isRunning = await new Promise<boolean>((resolve) => {
      this.#enqueue(network, room, { start: () => resolve(true), drop: () => resolve(false) });
    });
    if (!isRunning) {
      throw new AccessUnavailableError(`too many access checks: ${waiting} are already waiting`);
    }
    if (performance.now() - since <= waitMs) return;
    this.#running--;
    this.#countRunning(network, -1);
    this.#startNext();
    throw new AccessUnavailableError(`access checks are too slow: waited more than ${waitMs} ms`);
  }

  #mayRun(network: string): boolean {
    const { atOnce, reserved } = this.#options;
    const ofNetwork = this.#runningOf.get(network) ?? 0;
    return this.#running < atOnce && ofNetwork < atOnce - reserved;
  }

  #begin(network: string): void {
    this.#running++;
    this.#countRunning(network, 1);
  }

  #enqueue(network: string, room: string, task: WaitingTask): void {
    const queue = this.#queues.get(network) ?? { rooms: new Map(), size: 0 };
    const tasks = queue.rooms.get(room) ?? [];
    tasks.push(task);
    queue.rooms.set(room, tasks);
    queue.size++;
    this.#waiting++;
    this.#queues.set(network, queue);
    if (this.#waiting > this.#options.waiting) this.#dropNewestOfLargest();
  }

  #startNext(): void {
    if (this.#running >= this.#options.atOnce) return;
    for (const [network, queue] of this.#queues) {
      if (!this.#mayRun(network)) continue;
      const [room = ""] = queue.rooms.keys();
      const task = this.#take(network, queue, room, "oldest");
      this.#begin(network);
      task?.start();
      return;
    }
  }

  #dropNewestOfLargest(): void {
    const network = largest(this.#queues, ({ size }) => size);
    const queue = this.#queues.get(network);
    if (queue === undefined) return;
    const room = largest(queue.rooms, ({ length }) => length);
    this.#take(network, queue, room, "newest")?.drop();
  }

  /** Taking the oldest task moves its network and room to the end of their rotations. */
  #take(
    network: string,
    queue: NetworkQueue,
    room: string,
    which: "oldest" | "newest",
  ): WaitingTask | undefined {
    const tasks = queue.rooms.get(room) ?? [];
    const task = which === "oldest" ? tasks.shift() : tasks.pop();
    this.#waiting--;
    queue.size--;
    if (tasks.length === 0) queue.rooms.delete(room);
    if (queue.size === 0) this.#queues.delete(network);
    if (which === "newest") return task;
    if (tasks.length > 0) moveToEnd(queue.rooms, room, tasks);
    if (queue.size > 0) moveToEnd(this.#queues, network, queue);
    return task;
  }

  #countRunning(network: string, change: number): void {
    const count = (this.#runningOf.get(network) ?? 0) + change;
    if (count > 0) this.#runningOf.set(network, count);
    else this.#runningOf.delete(network);
  }
}

function largest<T>(entries: ReadonlyMap<string, T>, sizeOf: (value: T) => number): string {
  let found = "";
  let most = 0;
  for (const [key, value] of entries) {
    if (sizeOf(value) <= most) continue;
    found = key;
    most = sizeOf(value);
  }
  return found;
}

function moveToEnd<T>(entries: Map<string, T>, key: string, value: T): void {
  entries.delete(key);
  entries.set(key, value);
}
