import type { TestReceiver } from "../support/receiver.ts";

/** An event as the application parses it. */
export interface Event {
  readonly type: string;
  readonly room: string;
  readonly at: number;
  readonly server: string;
  readonly connection?: string;
  readonly subject?: string | null;
}

/** The events of a room, in the order received. @param since skips this many requests */
export function eventsOf(receiver: TestReceiver, room: string, since = 0): Event[] {
  return receiver.requests
    .slice(since)
    .flatMap(({ body }) => (JSON.parse(body) as { events?: Event[] }).events ?? [])
    .filter((event) => event.room === room);
}
