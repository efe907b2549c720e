import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { ServerAddress } from "../replication/registry.ts";
import type { Journal, ListedJournal } from "../storage/journal.ts";
import type { EventNotifications } from "../webhooks/event-notifications.ts";
import type { RoomNotifications } from "../webhooks/room-notifications.ts";
import type { AllStores } from "./open-stores.ts";

/** The notifications that are configured; the others are `null`. */
export interface Notifications {
  /** Notifications about changed documents. */
  readonly changes: RoomNotifications | null;
  /** Events of rooms and connections. */
  readonly events: EventNotifications | null;
}

/** This server's place in the cluster. */
export interface OwnServer {
  readonly address: ServerAddress;
  /** Whether the server runs without a cluster. */
  readonly isAlone: boolean;
}

type NotificationStores = Pick<AllStores, "outbox" | "events" | "journal">;

/** Prepares the configured notifications. Code for the others is not even loaded. */
export async function openNotifications(
  config: Config,
  own: OwnServer,
  stores: NotificationStores,
  logger: Logger,
): Promise<Notifications> {
  return {
    changes: await openChanges(config, own, stores, logger),
    events: await openEvents(config, own, stores, logger),
  };
}

async function openChanges(
  config: Config,
  { address: server, isAlone }: OwnServer,
  { outbox, journal }: NotificationStores,
  logger: Logger,
): Promise<RoomNotifications | null> {
  const { CALLBACK_URL, CALLBACK_SECRET: secret, CALLBACK_TIMEOUT: timeout } = config;
  if (CALLBACK_URL === undefined || outbox === null) return null;
  const { Receiver } = await import("../webhooks/receiver.ts");
  const { RoomNotifications } = await import("../webhooks/room-notifications.ts");
  return new RoomNotifications({
    server,
    isAlone,
    receiver: new Receiver({ url: new URL(CALLBACK_URL), secret, timeout }),
    timeout,
    objects: config.CALLBACK_OBJECTS,
    wait: config.CALLBACK_DEBOUNCE_WAIT,
    longest: Math.max(config.CALLBACK_DEBOUNCE_WAIT, config.CALLBACK_DEBOUNCE_MAXWAIT),
    outbox,
    journal: isListed(journal) ? journal : null,
    logger,
  });
}

/** The application's own journal need not be able to list its rooms. */
function isListed(journal: Journal | ListedJournal): journal is ListedJournal {
  return "rooms" in journal;
}

async function openEvents(
  config: Config,
  { address: server, isAlone }: OwnServer,
  { outbox, events: queue }: NotificationStores,
  logger: Logger,
): Promise<EventNotifications | null> {
  const { EVENTS_URL, CALLBACK_SECRET: secret, CALLBACK_TIMEOUT: timeout } = config;
  if (EVENTS_URL === undefined || outbox === null || queue === null) return null;
  const { Receiver } = await import("../webhooks/receiver.ts");
  const { EventNotifications } = await import("../webhooks/event-notifications.ts");
  const receiver = new Receiver({ url: new URL(EVENTS_URL), secret, timeout });
  return new EventNotifications({ server, isAlone, receiver, timeout, queue, outbox, logger });
}
