import type { Logger } from "pino";
import type { Metadata, ServerActivity } from "../storage/metadata.ts";

const MINUTE_MS = 60_000;
const WRITE_MS = 10_000;
/** Beyond this many minutes that could not be written, the oldest are dropped. */
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
  /** By minute; figures are replaced, never changed. */
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

  /** A connection to the room, of which `connected` was told, has ended. */
  disconnected(room: string): void {
    this.#beginMinute();
    this.#connections -= 1;
    const left = (this.#rooms.get(room) ?? 1) - 1;
    if (left === 0) this.#rooms.delete(room);
    else this.#rooms.set(room, left);
  }

  /** Writes what there is, once; what cannot be written is dropped. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #beginMinute(): void {
    const now = Date.now();
    if (now - (now % MINUTE_MS) !== this.#current.minute) this.#see(this.#minuteOf(now));
  }

  /** A minute in which nothing has happened yet: its peak is what there is. */
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
        // Meanwhile there may be more to tell of this minute.
        if (this.#unwritten.get(minute) === activity) this.#unwritten.delete(minute);
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.error({ err: error }, "activity cannot be written");
      this.#failing = true;
    }
  }
}
