import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { HttpListener } from "../http/http-listener.ts";
import type { ActivityRecorder } from "../metadata/activity-recorder.ts";
import type { MetadataWriter } from "../metadata/metadata-writer.ts";
import type { Cluster } from "../replication/replicator.ts";
import type { RoomTable } from "../room/room-table.ts";
import { within } from "../runtime/within.ts";
import type { Gateway } from "../websocket/gateway.ts";
import type { Notifications } from "./open-notifications.ts";

/** How long a drain may take in all; container platforms kill after 30 seconds. */
const DRAIN_MS = 25_000;
/** How long a drain waits for the journal before it closes the connections all the same. */
const DURABLE_MS = 10_000;
/** How long clients have to answer the close of their connection. */
const GOODBYE_MS = 3_000;

/** The parts of a server that have to end in a certain order. */
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
 * Takes no new connections, makes everything durable, closes the clients with 1012, stores snapshots,
 * and releases everything, all within 25 seconds. It does not reject.
 *
 * @returns whether every update that was received is durable
 */
export async function drain(parts: DrainedParts): Promise<boolean> {
  const { gateway, rooms, metadata, activity, notifications, cluster } = parts;
  const { listener, hooks, closeStores, logger } = parts;
  const deadline = AbortSignal.timeout(DRAIN_MS);
  logger.info({ connections: gateway.connections.size, documents: rooms.size }, "draining");
  gateway.refuse();
  gateway.stopReading();
  const durable = await within(DURABLE_MS, rooms.journal.flush());
  if (!durable) logger.error("the journal does not accept what is left; it stays with the clients");
  await gateway.close(AbortSignal.timeout(GOODBYE_MS));
  await rooms.close(deadline);
  await hooks?.close(GOODBYE_MS);
  // While other servers can still be asked who holds what.
  await ended(notifications.changes?.close(), notifications.events?.close());
  await ended(metadata.close(), activity.close(), cluster.registry.close());
  cluster.peers.close();
  await ended(cluster.bus.close());
  listener.close();
  await ended(closeStores());
  return durable;
}

/** Waits, not for long, until these have ended in whichever way: what was given may fail. */
async function ended(...parts: readonly (Promise<void> | undefined)[]): Promise<void> {
  await within(GOODBYE_MS, Promise.allSettled(parts));
}
