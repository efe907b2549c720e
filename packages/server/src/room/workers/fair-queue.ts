/** A task in a fair queue. */
export interface Queued {
  /** The room that is charged for it. */
  readonly room: string;
  /** Its expected cost. */
  readonly expectedMs: number;
}

interface RoomQueue<Task> {
  readonly tasks: Task[];
  /** Virtual time at which everything served to the room so far ends. */
  servedTo: number;
  /** Virtual time at which its first task reached the head of its queue. */
  firstSince: number;
  /** Whether the heap has an entry for it. */
  isEntered: boolean;
}

interface HeapEntry {
  readonly room: string;
  readonly finish: number;
  readonly order: number;
}

/** A room with this many waiting tasks cannot queue more. */
export const MOST_QUEUED_PER_ROOM = 10_000;
/** Number of rooms without waiting tasks whose debts are remembered. */
const MOST_IDLE_ROOMS = 1_000;

/**
 * One queue per room, served by weighted fair queueing: the next task is the one that would finish first
 * if all rooms were served simultaneously. So a room that was served little goes before one that was
 * served much, a small task before a large one, and a room that fills its queue delays only itself. The
 * actual cost of a task is charged once it is known.
 */
export class FairQueue<Task extends Queued> {
  readonly #rooms: Map<string, RoomQueue<Task>> = new Map();
  /**
   * One entry for each room with waiting tasks, and possibly for others. A debt that has grown since is
   * accounted for when the entry is popped.
   */
  readonly #heap: HeapEntry[] = [];
  #now = 0;
  #order = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns false if too many tasks of the room are waiting */
  push(task: Task): boolean {
    let queue = this.#rooms.get(task.room);
    if (queue === undefined) {
      this.#forgetIdle();
      queue = { tasks: [], servedTo: this.#now, firstSince: this.#now, isEntered: false };
      this.#rooms.set(task.room, queue);
    }
    if (queue.tasks.length >= MOST_QUEUED_PER_ROOM) return false;
    queue.tasks.push(task);
    this.#size++;
    if (!queue.isEntered) this.#enter(task, queue, this.#order++);
    return true;
  }

  /** Removes and returns the next task. */
  shift(): Task | undefined {
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) {
      const queue = this.#rooms.get(entry.room);
      const [task] = queue?.tasks ?? [];
      if (queue === undefined) continue;
      queue.isEntered = false;
      if (task === undefined) continue;
      const finish = this.#finishOf(task, queue);
      if (finish > entry.finish) {
        queue.isEntered = true;
        this.#push({ ...entry, finish });
        continue;
      }
      queue.tasks.shift();
      this.#size--;
      // Once nothing is waiting, every request has been served, and only later charges are debts.
      this.#now = Math.max(this.#now, this.#size === 0 ? finish : finish - task.expectedMs);
      queue.servedTo = finish;
      const [next] = queue.tasks;
      if (next !== undefined) this.#enter(next, queue, this.#order++);
      return task;
    }
    return undefined;
  }

  /** Charges what a task cost beyond its expected cost. */
  charge({ room, expectedMs }: Queued, ms: number): void {
    const queue = this.#rooms.get(room);
    if (queue !== undefined) queue.servedTo += Math.max(0, ms - expectedMs);
  }

  /** Removes and returns the waiting tasks of a room that match. */
  remove(room: string, matches: (task: Task) => boolean): Task[] {
    const tasks = this.#rooms.get(room)?.tasks ?? [];
    const removed = tasks.filter(matches);
    if (removed.length === 0) return removed;
    // The heap entry may be for one of them; it is re-evaluated when it is popped.
    tasks.splice(0, tasks.length, ...tasks.filter((task) => !matches(task)));
    this.#size -= removed.length;
    return removed;
  }

  /** Removes and returns all waiting tasks. */
  clear(): Task[] {
    const all = [...this.#rooms.values()].flatMap(({ tasks }) => tasks);
    this.#rooms.clear();
    this.#heap.length = 0;
    this.#size = 0;
    return all;
  }

  #enter(task: Task, queue: RoomQueue<Task>, order: number): void {
    queue.isEntered = true;
    queue.firstSince = this.#now;
    this.#push({ room: task.room, finish: this.#finishOf(task, queue), order });
  }

  #finishOf({ expectedMs }: Task, { servedTo, firstSince }: RoomQueue<Task>): number {
    return Math.max(firstSince, servedTo) + expectedMs;
  }

  #forgetIdle(): void {
    if (this.#rooms.size <= MOST_IDLE_ROOMS + this.#heap.length) return;
    for (const [room, { tasks, servedTo }] of this.#rooms) {
      if (tasks.length === 0 && servedTo <= this.#now) this.#rooms.delete(room);
    }
    for (const [room, { tasks }] of this.#rooms) {
      if (this.#rooms.size <= MOST_IDLE_ROOMS / 2 + this.#heap.length) break;
      if (tasks.length === 0) this.#rooms.delete(room);
    }
  }

  #push(entry: HeapEntry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !finishesBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): HeapEntry | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const [child, smaller] =
        other !== undefined && finishesBefore(other, one) ? [left + 1, other] : [left, one];
      if (!finishesBefore(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function finishesBefore(a: HeapEntry, b: HeapEntry): boolean {
  return a.finish === b.finish ? a.order < b.order : a.finish < b.finish;
}
