import type { Logger } from "pino";
import type { EventQueue } from "../storage/event-queue.ts";
import type { EndedConnection } from "../storage/metadata.ts";
import type { Outbox } from "../storage/outbox.ts";
import type { ApplicationEvent } from "./application-event.ts";
import { tellEvents } from "./event-batches.ts";
import { EventWriter } from "./event-writer.ts";
import { OutboxDispatcher } from "./outbox-dispatcher.ts";
import type { Receiver } from "./receiver.ts";
import { RoomClosings, type RoomClosingsOptions } from "./room-closings.ts";
import { DeliveryStats, EventStats } from "./webhook-stats.ts";

export interface EventNotificationsOptions {
  /** The address of this server. */
  readonly server: string;
  /** Whether there never are other servers. */
  readonly isAlone: boolean;
  readonly receiver: Receiver;
  /** How long the receiver may take, in milliseconds. */
  readonly timeout: number;
  readonly queue: EventQueue;
  readonly outbox: Outbox;
  readonly logger: Logger;
}

const INTERVAL_MS = 500;
/** A turn of one server's events, and reading them. */
const TURN_MS = 20_000;

/**
 * Tells the application of rooms and connections: at least once, those of a server in the order in which
 * it learned of them. What a server that crashed has not written yet is not told.
 */
export class EventNotifications {
  readonly stats: DeliveryStats = new DeliveryStats();
  readonly eventStats: EventStats = new EventStats();
  readonly #options: EventNotificationsOptions;
  readonly #writer: EventWriter;
  #closings: RoomClosings | undefined;
  #deliveries: OutboxDispatcher | undefined;

  constructor(options: EventNotificationsOptions) {
    this.#options = options;
    this.#writer = new EventWriter({ ...options, stats: this.eventStats });
  }

  /** Begins to tell, also what was left when servers ended. */
  start(holders: Pick<RoomClosingsOptions, "holds" | "others">): void {
    const { receiver, timeout, queue, outbox, server, logger } = this.#options;
    this.#closings = new RoomClosings({
      ...holders,
      onClosed: (room, at) => this.#add({ type: "room-closed", room, at, server }),
      logger,
    });
    this.#deliveries = new OutboxDispatcher({
      kind: "events",
      server,
      outbox,
      tell: (claim, signal) => tellEvents(claim, { receiver, queue, outbox }, signal),
      giveUp: async ({ key }) => {
        this.eventStats.dropped += await queue.trim(key, 0);
      },
      interval: INTERVAL_MS,
      timeout: timeout + TURN_MS,
      stats: this.stats,
      logger,
    });
  }

  /** This server is the first of the cluster that holds the room. */
  roomOpened(room: string): void {
    const { server } = this.#options;
    this.#add({ type: "room-opened", room, at: Date.now(), server });
  }

  /** This server has let the room go. */
  roomLetGo(room: string): void {
    this.#closings?.letGo(room);
  }

  roomDeleted(room: string): void {
    const { server } = this.#options;
    this.#add({ type: "room-deleted", room, at: Date.now(), server });
  }

  joined(connection: string, room: string, subject: string | null): void {
    const { server } = this.#options;
    this.#add({ type: "user-joined", room, at: Date.now(), server, connection, subject });
  }

  left(connection: string, room: string, subject: string | null): void {
    const { server } = this.#options;
    this.#add({ type: "user-left", room, at: Date.now(), server, connection, subject });
  }

  /**
   * A server has crashed: tells what it could not tell.
   *
   * @param ended its connections
   * @throws StorageError; what it has written is told later then
   */
  async serverCrashed(
    server: string,
    at: number,
    ended: readonly EndedConnection[],
  ): Promise<void> {
    for (const { connection, room } of ended) {
      this.#add({ type: "user-left", room, at, server, connection, subject: null });
    }
    for (const room of new Set(ended.map((one) => one.room))) this.roomLetGo(room);
    // It may have written events and not marked them.
    const { isAlone, outbox } = this.#options;
    await outbox.mark("events", [{ key: server, first: at, due: at }], 0);
    await outbox.free("events", isAlone ? null : server, at);
  }

  /** Writes what is left, and tries to tell it once more; then it is for others. Does not reject. */
  async close(): Promise<void> {
    await this.#closings?.close();
    await this.#writer.close();
    await this.#deliveries?.finish();
  }

  #add(event: ApplicationEvent): void {
    this.#writer.add(event);
  }
}
