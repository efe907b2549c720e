import type { TestReceiver } from "../support/receiver.ts";

/** As the application reads it. */
export interface Event {
  readonly type: string;
  readonly room: string;
  readonly at: number;
  readonly server: string;
  readonly connection?: string;
  readonly subject?: string | null;
}

/** The events of a room, in the order in which they came. @param since skips the requests before it */
export function eventsOf(receiver: TestReceiver, room: string, since = 0): Event[] {
  return receiver.requests
    .slice(since)
    .flatMap(({ body }) => (JSON.parse(body) as { events?: Event[] }).events ?? [])
    .filter((event) => event.room === room);
}
