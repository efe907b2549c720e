import type { Logger } from "pino";
import type { Metadata, ServerActivity } from "../storage/metadata.ts";

const MINUTE_MS = 60_000;
const WRITE_MS = 10_000;
/** The most unwritten minutes to keep; beyond that, the oldest are dropped. */
const MOST_MINUTES = 60;

export interface ActivityRecorderOptions {
  readonly metadata: Pick<Metadata, "recordActivity">;
  /** The address of this server. */
  readonly server: string;
  readonly logger: Pick<Logger, "error">;
}

/** Counts the connections of this server, and records their number over time. */
export class ActivityRecorder {
  readonly #options: ActivityRecorderOptions;
  readonly #timer: NodeJS.Timeout;
  /** Connections by room. */
  readonly #rooms = new Map<string, number>();
  /** By minute. Entries are replaced, never mutated. */
  readonly #unwritten = new Map<number, ServerActivity>();
  #connections = 0;
  #current: ServerActivity;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(options: ActivityRecorderOptions) {
    this.#options = options;
    this.#current = this.#minuteOf(Date.now());
    this.#timer = setInterval(() => this.#write(), WRITE_MS);
  }

  /** A connection to the room was opened. */
  connected(room: string): void {
    this.#beginMinute();
    this.#connections += 1;
    this.#rooms.set(room, (this.#rooms.get(room) ?? 0) + 1);
    const { connections, rooms, connects } = this.#current;
    this.#see({
      ...this.#current,
      connections: Math.max(connections, this.#connections),
      rooms: Math.max(rooms, this.#rooms.size),
      connects: connects + 1,
    });
  }

  /** A connection to the room that was passed to `connected` has ended. */
  disconnected(room: string): void {
    this.#beginMinute();
    this.#connections -= 1;
    const left = (this.#rooms.get(room) ?? 1) - 1;
    if (left === 0) this.#rooms.delete(room);
    else this.#rooms.set(room, left);
  }

  /** Writes pending figures once; those that cannot be written are dropped. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #beginMinute(): void {
    const now = Date.now();
    if (now - (now % MINUTE_MS) !== this.#current.minute) this.#see(this.#minuteOf(now));
  }

  /** A minute in which nothing has happened yet: its peaks are the current numbers. */
  #minuteOf(time: number): ServerActivity {
    return {
      server: this.#options.server,
      minute: time - (time % MINUTE_MS),
      connections: this.#connections,
      rooms: this.#rooms.size,
      connects: 0,
    };
  }

  #see(activity: ServerActivity): void {
    this.#current = activity;
    if (activity.connections === 0) return;
    this.#unwritten.set(activity.minute, activity);
    const [oldest] = this.#unwritten.keys();
    if (oldest !== undefined && this.#unwritten.size > MOST_MINUTES) this.#unwritten.delete(oldest);
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const { metadata, logger } = this.#options;
    this.#beginMinute();
    try {
      for (const activity of [...this.#unwritten.values()]) {
        await metadata.recordActivity(activity);
        const { minute } = activity;
        // The figures of this minute may have grown during the write.
        if (this.#unwritten.get(minute) === activity) this.#unwritten.delete(minute);
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.error({ err: error }, "writing activity failed, retrying");
      this.#failing = true;
    }
  }
}
