import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { HttpListener } from "../http/http-listener.ts";
import type { ActivityRecorder } from "../metadata/activity-recorder.ts";
import type { MetadataWriter } from "../metadata/metadata-writer.ts";
import type { Cluster } from "../replication/cluster.ts";
import type { RoomTable } from "../room/room-table.ts";
import { within } from "../runtime/time-limit.ts";
import type { Gateway } from "../websocket/gateway.ts";
import type { Notifications } from "./open-notifications.ts";

/** How long a drain may take in total. Container platforms kill the process after 30 seconds. */
const DRAIN_MS = 25_000;
/** How long a drain waits for the journal before it closes the connections anyway. */
const DURABLE_MS = 10_000;
/** How long clients have to complete the close handshake. */
const GOODBYE_MS = 3_000;

/** The parts of a server that must be closed in a certain order. */
export interface DrainedParts {
  readonly gateway: Gateway;
  readonly rooms: RoomTable;
  readonly metadata: MetadataWriter;
  readonly activity: ActivityRecorder;
  readonly notifications: Notifications;
  readonly cluster: Cluster;
  readonly listener: HttpListener;
  readonly hooks: HookCalls | undefined;
  readonly closeStores: () => Promise<void>;
  readonly logger: Logger;
}

/**
 * Refuses new connections, makes everything durable, closes the clients with 1012, stores snapshots, and
 * releases everything, all within 25 seconds. Does not reject.
 *
 * @returns whether every received update is durable
 */
export async function drain(parts: DrainedParts): Promise<boolean> {
  const { gateway, rooms, metadata, activity, notifications, cluster } = parts;
  const { listener, hooks, closeStores, logger } = parts;
  const deadline = AbortSignal.timeout(DRAIN_MS);
  logger.info({ connections: gateway.connections.size, documents: rooms.size }, "draining");
  gateway.refuse();
  gateway.stopReading();
  const durable = await within(DURABLE_MS, rooms.journal.flush());
  if (!durable)
    logger.error("journal writes failed, the last updates remain only with the clients");
  await gateway.close(AbortSignal.timeout(GOODBYE_MS));
  await rooms.close(deadline);
  await hooks?.close(GOODBYE_MS);
  // Before the cluster is closed, because these may ask other servers which rooms they hold.
  await ended(notifications.changes?.close(), notifications.events?.close());
  await ended(metadata.close(), activity.close(), cluster.registry.close());
  cluster.peers.close();
  await ended(cluster.bus.close());
  listener.close();
  await ended(closeStores());
  return durable;
}

/** Waits briefly until these have settled. Custom parts may reject. */
async function ended(...parts: readonly (Promise<void> | undefined)[]): Promise<void> {
  await within(GOODBYE_MS, Promise.allSettled(parts));
}
