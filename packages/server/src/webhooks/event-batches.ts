import type { EventQueue } from "../storage/event-queue.ts";
import type { Outbox, OutboxClaim } from "../storage/outbox.ts";
import type { Receiver } from "./receiver.ts";

export interface EventBatchesOptions {
  readonly receiver: Receiver;
  readonly queue: Pick<EventQueue, "first" | "remove">;
  readonly outbox: Pick<Outbox, "mark">;
}

const BATCH = 100;
/** How long one server's events are sent before other servers get their turn. */
const TURN_MS = 10_000;

/**
 * Sends one server's events in order, in batches of the form `{"events": [<event>, …]}`. The next batch
 * is sent once the previous one has been accepted.
 *
 * @returns whether there were any events
 * @throws GoneError or Error from the receiver; StorageError
 */
export async function tellEvents(
  { key: server }: Pick<OutboxClaim, "key">,
  { receiver, queue, outbox }: EventBatchesOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const end = Date.now() + TURN_MS;
  let told = false;
  for (;;) {
    const batch = await queue.first(server, BATCH);
    const last = batch.at(-1);
    if (last === undefined) return told;
    const body = `{"events":[${batch.map(({ event }) => event).join(",")}]}`;
    await receiver.post(Buffer.from(body), signal);
    await queue.remove(server, last.sequence);
    told = true;
    if (batch.length < BATCH) return told;
    const now = Date.now();
    if (now >= end) {
      await outbox.mark("events", [{ key: server, first: now, due: now }], 0);
      return told;
    }
  }
}
