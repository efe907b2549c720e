import type { Logger } from "pino";
import type { ListedJournal } from "../storage/journal.ts";
import type { Outbox, OutboxMark } from "../storage/outbox.ts";

export interface ChangeDebouncerOptions {
  readonly outbox: Pick<Outbox, "mark">;
  /** How long a room must be quiet before the change is told, in milliseconds. */
  readonly wait: number;
  /** How long after the first change it is told at the latest. */
  readonly longest: number;
  readonly logger: Logger;
}

/** What this server knows of a room that changed. */
interface Changed {
  /** When the first change came that is in no mark; `null` when all are. */
  first: number | null;
  last: number;
  /** When the room is due by the mark that was written last. */
  due: number;
}

const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 250;
const RETRY_MS = 2_000;
const ROOMS_AT_ONCE = 500;

/**
 * Marks rooms in the outbox when clients of this server have changed them: off the hot path, many in one
 * statement, and the same room only as often as it takes to keep its window open.
 */
export class ChangeDebouncer {
  readonly #options: ChangeDebouncerOptions;
  /** Marks are gathered for so long. */
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

  /** What a client wrote has become durable. */
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
   * Marks all rooms that the journal has rows of: a server that crashed may have made changes durable and
   * not marked them.
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

  /** Writes the marks that are missing, once. Does not reject. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write(this.#take(Number.POSITIVE_INFINITY));
    if (this.#failing) this.#options.logger.error("changes are not marked: nobody is told of them");
  }

  /** Whoever looks for what is due must have seen the marks of other servers. */
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

  /** The marks that have to be written now: of rooms that are not marked, or would soon be due. */
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
      if (!this.#failing) logger.error({ err: error }, "changes cannot be marked; trying again");
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
