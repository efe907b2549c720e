import type { Exposition } from "./exposition.ts";

/** What clients may make the server keep, and what became of those who made it keep too much. */
export interface MemorySources {
  readonly guard: { readonly limit: number; readonly isFull: boolean; readonly ended: number };
  readonly unfinished: { readonly bytes: number; readonly ended: number };
}

export function writeMemory(to: Exposition, { guard, unfinished }: MemorySources): void {
  to.gauge("symphony_memory_limit_bytes", "Memory that this server may use.", guard.limit);
  to.gauge(
    "symphony_memory_short",
    "1 while memory is short and new connections are refused, 0 otherwise.",
    Number(guard.isFull),
  );
  to.counter(
    "symphony_memory_connections_ended_total",
    "Connections that were ended because memory was short and they took most of it.",
    guard.ended,
  );
  to.gauge(
    "symphony_unfinished_message_bytes",
    "What clients have sent of messages that are not whole, or not looked at yet.",
    unfinished.bytes,
  );
  to.counter(
    "symphony_unfinished_messages_ended_total",
    "Connections that were ended because unfinished messages together took too much.",
    unfinished.ended,
  );
}
