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
  /** Whether this server runs without a cluster. */
  readonly isAlone: boolean;
  readonly receiver: Receiver;
  /** How long the receiver may take per request, in milliseconds. */
  readonly timeout: number;
  readonly queue: EventQueue;
  readonly outbox: Outbox;
  readonly logger: Logger;
}

const INTERVAL_MS = 500;
/** Allowance for one server's turn, including reading its events. */
const TURN_MS = 20_000;

/**
 * Notifies the application about rooms and connections: at least once, and each server's events in the
 * order in which it saw them. Events that a server had not yet written when it crashed are lost.
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

  /** Starts sending events, including those left over from servers that have stopped. */
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

  /** This server is the first in the cluster to hold the room. */
  roomOpened(room: string): void {
    const { server } = this.#options;
    this.#add({ type: "room-opened", room, at: Date.now(), server });
  }

  /** This server has unloaded the room. */
  roomUnloaded(room: string): void {
    this.#closings?.unloaded(room);
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
   * A server has crashed: sends the events that it could not send.
   *
   * @param ended its connections
   * @throws StorageError; the events that it had written are then sent later
   */
  async serverCrashed(
    server: string,
    at: number,
    ended: readonly EndedConnection[],
  ): Promise<void> {
    for (const { connection, room } of ended) {
      this.#add({ type: "user-left", room, at, server, connection, subject: null });
    }
    for (const room of new Set(ended.map((one) => one.room))) this.roomUnloaded(room);
    // It may have written events without marking them.
    const { isAlone, outbox } = this.#options;
    await outbox.mark("events", [{ key: server, first: at, due: at }], 0);
    await outbox.free("events", isAlone ? null : server, at);
  }

  /** Writes the remaining events and tries once to send them; others send the rest. Does not reject. */
  async close(): Promise<void> {
    await this.#closings?.close();
    await this.#writer.close();
    await this.#deliveries?.finish();
  }

  #add(event: ApplicationEvent): void {
    this.#writer.add(event);
  }
}
