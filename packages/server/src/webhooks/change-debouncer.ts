import type { Logger } from "pino";
import type { ListedJournal } from "../storage/journal.ts";
import type { Outbox, OutboxMark } from "../storage/outbox.ts";

export interface ChangeDebouncerOptions {
  readonly outbox: Pick<Outbox, "mark">;
  /** How long a room must be quiet before the notification is sent, in milliseconds. */
  readonly wait: number;
  /** Maximum delay of the notification after the first change, in milliseconds. */
  readonly longest: number;
  readonly logger: Logger;
}

/** The state of a room that has changed on this server. */
interface Changed {
  /** Time of the first change not covered by a mark; `null` if all are. */
  first: number | null;
  last: number;
  /** When the room is due according to the last mark written. */
  due: number;
}

const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 250;
const RETRY_MS = 2_000;
const ROOMS_AT_ONCE = 500;

/**
 * Marks rooms in the outbox when clients of this server have changed them: off the hot path, many rooms
 * per statement, and each room only as often as needed to keep its debounce window open.
 */
export class ChangeDebouncer {
  readonly #options: ChangeDebouncerOptions;
  /** How long marks are collected before they are written. */
  readonly #pause: number;
  readonly #rooms: Map<string, Changed> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  constructor(options: ChangeDebouncerOptions) {
    this.#options = options;
    this.#pause = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, options.wait / 8));
  }

  /** Records that a client's change to the room has become durable. */
  changed(room: string): void {
    const now = Date.now();
    const known = this.#rooms.get(room);
    if (known === undefined) {
      this.#rooms.set(room, { first: now, last: now, due: 0 });
    } else {
      known.first ??= now;
      known.last = now;
    }
    if (this.#timer === undefined && this.#writing === undefined) this.#later(this.#pause);
  }

  /**
   * Marks all rooms that have rows in the journal: a server that crashed may have made changes durable
   * without marking them.
   *
   * @throws StorageError
   */
  async markJournal(journal: Pick<ListedJournal, "rooms">): Promise<void> {
    const { outbox, longest } = this.#options;
    for (let after = ""; ; ) {
      const rooms = await journal.rooms(after, ROOMS_AT_ONCE);
      const now = Date.now();
      const due = this.#dueAfter(now);
      await outbox.mark(
        "room",
        rooms.map((key) => ({ key, first: now, due })),
        longest,
      );
      if (rooms.length < ROOMS_AT_ONCE) return;
      after = rooms.at(-1) ?? "";
    }
  }

  /** Tries once to write the remaining marks. Does not reject. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write(this.#take(Number.POSITIVE_INFINITY));
    if (this.#failing)
      this.#options.logger.error("changes not marked; no notifications are sent for them");
  }

  /** Adds the pause, so that the marks of other servers are visible by the time the room is claimed. */
  #dueAfter(last: number): number {
    return last + this.#options.wait + this.#pause;
  }

  #later(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write(this.#take(Date.now())).finally(() => {
        this.#writing = undefined;
        if (this.#rooms.size > 0) this.#later(this.#failing ? RETRY_MS : this.#pause);
      });
    }, delay);
  }

  /** The marks to write now: for rooms that are not marked or will soon be due. */
  #take(now: number): OutboxMark[] {
    const marks: OutboxMark[] = [];
    for (const [key, room] of this.#rooms) {
      if (room.first === null) {
        if (now > room.due) this.#rooms.delete(key);
      } else if (now >= room.due - 2 * this.#pause) {
        const { first, last } = room;
        room.first = null;
        room.due = this.#dueAfter(last);
        marks.push({ key, first, due: room.due });
      }
    }
    return marks;
  }

  async #write(marks: readonly OutboxMark[]): Promise<void> {
    if (marks.length === 0) return;
    const { outbox, longest, logger } = this.#options;
    try {
      await outbox.mark("room", marks, longest);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.error({ err: error }, "marking changes failed, retrying");
      this.#failing = true;
      for (const { key, first } of marks) this.#putBack(key, first);
    }
  }

  #putBack(room: string, first: number): void {
    const known = this.#rooms.get(room);
    if (known === undefined) this.#rooms.set(room, { first, last: first, due: 0 });
    else Object.assign(known, { first: Math.min(first, known.first ?? first), due: 0 });
  }
}
