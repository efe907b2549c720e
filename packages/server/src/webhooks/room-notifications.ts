import type { Logger } from "pino";
import type { RootNames } from "../room/json/root-types.ts";
import type { UpdateWorkers } from "../room/workers/update-workers.ts";
import type { ListedJournal } from "../storage/journal.ts";
import type { Outbox } from "../storage/outbox.ts";
import { ChangeDebouncer } from "./change-debouncer.ts";
import { OutboxDispatcher } from "./outbox-dispatcher.ts";
import type { Receiver } from "./receiver.ts";
import { tellRoomChanged } from "./room-callback.ts";
import { DeliveryStats } from "./webhook-stats.ts";

export interface RoomNotificationsOptions {
  /** The address of this server. */
  readonly server: string;
  /** Whether this server runs without a cluster. */
  readonly isAlone: boolean;
  readonly receiver: Receiver;
  /** How long the receiver may take per request, in milliseconds. */
  readonly timeout: number;
  readonly objects: RootNames;
  /** See `ChangeDebouncer`. */
  readonly wait: number;
  readonly longest: number;
  readonly outbox: Outbox;
  /** Lists the rooms that a crashed server may have left unmarked; `null` if the journal cannot list. */
  readonly journal: Pick<ListedJournal, "rooms"> | null;
  readonly logger: Logger;
}

/** Where documents are read from. */
export interface DocumentSource {
  /** Reads the encoded updates of a room's document; `null` if there is none. */
  readonly read: (room: string) => Promise<readonly Uint8Array[] | null>;
  readonly workers: Pick<UpdateWorkers, "attempt">;
}

/** Allowance for reading a document and converting it to JSON. */
const READ_MS = 30_000;
const MIN_INTERVAL_MS = 20;
const MAX_INTERVAL_MS = 1_000;
const RETRY_MS = 5_000;

/**
 * Notifies the application about changed documents: once per debounce window, whichever servers received
 * the changes, and at least once for every acknowledged change.
 */
export class RoomNotifications {
  readonly stats: DeliveryStats = new DeliveryStats();
  readonly #options: RoomNotificationsOptions;
  readonly #marker: ChangeDebouncer;
  #deliveries: OutboxDispatcher | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RoomNotificationsOptions) {
    this.#options = options;
    this.#marker = new ChangeDebouncer(options);
  }

  /** Records that a client's change to the room has become durable. */
  changed(room: string): void {
    this.#marker.changed(room);
  }

  /** Starts sending notifications, including those left over from servers that have stopped. */
  start({ read, workers }: DocumentSource): void {
    const { server, receiver, objects, outbox, wait, timeout, logger } = this.#options;
    this.#deliveries = new OutboxDispatcher({
      kind: "room",
      server,
      outbox,
      tell: (claim, signal) => tellRoomChanged(claim, { receiver, objects, read, workers }, signal),
      interval: Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, wait / 4)),
      timeout: timeout + READ_MS,
      stats: this.stats,
      logger,
    });
    this.#takeUp(Date.now());
  }

  /**
   * A server has crashed, or all earlier ones (`null`). Changes that it did not mark are in the journal;
   * notifications that it was sending are sent by others.
   *
   * @throws StorageError
   */
  async serverCrashed(server: string | null, at: number): Promise<void> {
    const { outbox, journal } = this.#options;
    await outbox.free("room", server, at);
    if (journal !== null) await this.#marker.markJournal(journal);
  }

  /** Stops starting new deliveries. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#deliveries?.stop();
  }

  /** Writes the remaining marks, which other servers then deliver. Does not reject. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all([this.#marker.close(), this.#deliveries?.close()]);
  }

  /** Recovers from an earlier crash of this server itself; a single server may have had another address. */
  #takeUp(startedAt: number): void {
    const { server, isAlone, logger } = this.#options;
    this.serverCrashed(isAlone ? null : server, startedAt).catch((error: unknown) => {
      logger.warn({ err: error }, "marking changes of an earlier run failed, retrying");
      if (!this.#stopped) this.#retry = setTimeout(() => this.#takeUp(startedAt), RETRY_MS);
    });
  }
}
