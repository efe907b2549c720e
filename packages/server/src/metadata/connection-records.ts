import type { Logger } from "pino";
import type { MetadataWriter } from "./metadata-writer.ts";

const DAY_MS = 86_400_000;

export interface ConnectionRecordsOptions {
  readonly metadata: Pick<MetadataWriter, "add">;
  /** This server's name in the table of connections. */
  readonly server: string;
  /** How many connections to record per day, and the largest burst after a quiet day. */
  readonly maxPerDay: number;
  readonly logger: Logger;
}

/**
 * Records connections up to a daily limit, so that a client that keeps reconnecting cannot fill the
 * database. Room activity also counts the connections that are not recorded.
 */
export class ConnectionRecords {
  readonly #options: ConnectionRecordsOptions;
  #left: number;
  #at: number;
  /** Open connections that were not recorded. */
  readonly #skipped: Set<string> = new Set();
  #isExhausted = false;

  constructor(options: ConnectionRecordsOptions) {
    this.#options = options;
    this.#left = options.maxPerDay;
    this.#at = Date.now();
  }

  connected(connection: string, room: string): void {
    const { metadata, server, logger, maxPerDay } = this.#options;
    const now = Date.now();
    this.#left = Math.min(maxPerDay, this.#left + (maxPerDay * (now - this.#at)) / DAY_MS);
    this.#at = now;
    if (this.#left >= maxPerDay / 2) this.#isExhausted = false;
    if (this.#left < 1) {
      this.#skipped.add(connection);
      if (!this.#isExhausted) logger.warn({ maxPerDay }, "too many connections, not recording all");
      this.#isExhausted = true;
      return;
    }
    this.#left--;
    metadata.add({ type: "connected", connection, room, server, at: now });
  }

  disconnected(connection: string): void {
    if (this.#skipped.delete(connection)) return;
    this.#options.metadata.add({ type: "disconnected", connection, at: Date.now() });
  }
}
