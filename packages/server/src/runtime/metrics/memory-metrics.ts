import type { Exposition } from "./exposition.ts";

/** Memory that clients make the server use, and connections closed for using too much. */
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
    "Connections closed because memory was short and they used the most.",
    guard.ended,
  );
  to.gauge(
    "symphony_unfinished_message_bytes",
    "Bytes received of messages that are incomplete or not processed yet.",
    unfinished.bytes,
  );
  to.counter(
    "symphony_unfinished_messages_ended_total",
    "Connections closed because unfinished messages together used too much memory.",
    unfinished.ended,
  );
}
