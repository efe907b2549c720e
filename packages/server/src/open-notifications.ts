import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { EventNotifications } from "./notifications/event-notifications.ts";
import type { RoomNotifications } from "./notifications/room-notifications.ts";
import type { AllStores } from "./open-stores.ts";

/** What the application wants to be told; `null` what it does not. */
export interface Notifications {
  /** Of changed documents. */
  readonly rooms: RoomNotifications | null;
  /** Of rooms and connections. */
  readonly events: EventNotifications | null;
}

/**
 * Prepares what the configuration asks for. Nothing of it is loaded or runs without that.
 *
 * @param server the address of this server
 */
export async function openNotifications(
  config: Config,
  server: string,
  stores: Pick<AllStores, "outbox" | "events" | "journal">,
  logger: Logger,
): Promise<Notifications> {
  return {
    rooms: await openRooms(config, server, stores, logger),
    events: await openEvents(config, server, stores, logger),
  };
}

async function openRooms(
  config: Config,
  server: string,
  { outbox, journal }: Pick<AllStores, "outbox" | "journal">,
  logger: Logger,
): Promise<RoomNotifications | null> {
  const { CALLBACK_URL, CALLBACK_SECRET: secret, CALLBACK_TIMEOUT: timeout } = config;
  if (CALLBACK_URL === undefined) return null;
  const { Receiver } = await import("./notifications/receiver.ts");
  const { RoomNotifications } = await import("./notifications/room-notifications.ts");
  return new RoomNotifications({
    server,
    isAlone: config.REDIS_URL === undefined,
    receiver: new Receiver({ url: new URL(CALLBACK_URL), secret, timeout }),
    timeout,
    objects: config.CALLBACK_OBJECTS,
    wait: config.CALLBACK_DEBOUNCE_WAIT,
    longest: Math.max(config.CALLBACK_DEBOUNCE_WAIT, config.CALLBACK_DEBOUNCE_MAXWAIT),
    outbox,
    journal,
    logger,
  });
}

async function openEvents(
  config: Config,
  server: string,
  { outbox, events: queue }: Pick<AllStores, "outbox" | "events">,
  logger: Logger,
): Promise<EventNotifications | null> {
  const { EVENTS_URL, CALLBACK_SECRET: secret, CALLBACK_TIMEOUT: timeout } = config;
  if (EVENTS_URL === undefined) return null;
  const { Receiver } = await import("./notifications/receiver.ts");
  const { EventNotifications } = await import("./notifications/event-notifications.ts");
  const receiver = new Receiver({ url: new URL(EVENTS_URL), secret, timeout });
  const isAlone = config.REDIS_URL === undefined;
  return new EventNotifications({ server, isAlone, receiver, timeout, queue, outbox, logger });
}
