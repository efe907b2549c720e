import type { Logger } from "pino";
import type { RootNames } from "../room/root-types.ts";
import type { UpdateWorkers } from "../room/update-workers.ts";
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
  /** Whether there never are other servers. */
  readonly isAlone: boolean;
  readonly receiver: Receiver;
  /** How long the receiver may take, in milliseconds. */
  readonly timeout: number;
  readonly objects: RootNames;
  /** See `RoomMarker`. */
  readonly wait: number;
  readonly longest: number;
  readonly outbox: Outbox;
  /** Tells what a server that crashed may have left; `null` when it cannot. */
  readonly journal: Pick<ListedJournal, "rooms"> | null;
  readonly logger: Logger;
}

/** From where documents are read. */
export interface DocumentSource {
  /** The encoded updates that a room's document is; `null` when there is none. */
  readonly read: (room: string) => Promise<readonly Uint8Array[] | null>;
  readonly workers: Pick<UpdateWorkers, "attempt">;
}

/** Reading a document and making JSON of it may take so long. */
const READ_MS = 30_000;
const MIN_INTERVAL_MS = 20;
const MAX_INTERVAL_MS = 1_000;
const RETRY_MS = 5_000;

/**
 * Tells the application of changed documents: once for each window, whichever servers the changes came
 * to, and at least once for what was acknowledged.
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

  /** What a client wrote to a room has become durable. */
  changed(room: string): void {
    this.#marker.changed(room);
  }

  /** Begins to tell, also what was left when servers ended. */
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
   * A server has crashed, or all there were (`null`): what it did not mark is in the journal, and what
   * it was telling is told by others.
   *
   * @throws StorageError
   */
  async serverCrashed(server: string | null, at: number): Promise<void> {
    const { outbox, journal } = this.#options;
    await outbox.free("room", server, at);
    if (journal !== null) await this.#marker.markJournal(journal);
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#deliveries?.stop();
  }

  /** Writes what is to be told by others. Does not reject. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all([this.#marker.close(), this.#deliveries?.close()]);
  }

  /** This server itself may have crashed before; alone, at whichever address it was. */
  #takeUp(startedAt: number): void {
    const { server, isAlone, logger } = this.#options;
    this.serverCrashed(isAlone ? null : server, startedAt).catch((error: unknown) => {
      logger.warn({ err: error }, "changes of an earlier run are not marked; trying again");
      if (!this.#stopped) this.#retry = setTimeout(() => this.#takeUp(startedAt), RETRY_MS);
    });
  }
}
