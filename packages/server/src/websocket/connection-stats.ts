import type { Exposition } from "../runtime/metrics/exposition.ts";

// Counters kept by the modules of this folder. Updating a field costs next to nothing; the metrics
// read them at each scrape.

/** Event-loop time charged to connections. */
export class LoopStats {
  milliseconds = 0;
  /** How often reading from a connection was paused until it had paid. */
  pauses = 0;
}

/** Counters of the clients' WebSockets. */
export class ConnectionStats {
  opened = 0;
  messagesIn = 0;
  bytesIn = 0;
  messagesOut = 0;
  bytesOut = 0;
  readonly loop: LoopStats = new LoopStats();
  /** How many connections this server has closed or refused, by close code. */
  readonly closed: Map<number, number> = new Map();

  close(code: number): void {
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
  }
}

/** What the metrics of the clients' WebSockets are read from. */
export interface GatewaySources {
  readonly connections: { readonly size: number };
  readonly stats: ConnectionStats;
  /** Memory that clients make the server use, and connections closed for using too much. */
  readonly guard: { readonly limit: number; readonly isFull: boolean; readonly ended: number };
  readonly unfinished: { readonly bytes: number; readonly ended: number };
}

export function writeGateway(to: Exposition, gateway: GatewaySources): void {
  writeConnections(to, gateway);
  writeMemory(to, gateway);
}

function writeConnections(to: Exposition, { connections, stats }: GatewaySources): void {
  to.gauge("symphony_connections", "Clients connected to this server.", connections.size);
  to.counter("symphony_connections_opened_total", "Client connections opened.", stats.opened);
  to.counters(
    "symphony_connections_closed_total",
    "Connections closed or refused by this server, by close code.",
    "code",
    stats.closed,
  );
  to.counter(
    "symphony_client_messages_received_total",
    "Messages received from clients, of any type.",
    stats.messagesIn,
  );
  to.counter(
    "symphony_client_received_bytes_total",
    "Bytes of messages received from clients.",
    stats.bytesIn,
  );
  to.counter(
    "symphony_client_messages_sent_total",
    "Messages sent to clients, of any type.",
    stats.messagesOut,
  );
  to.counter(
    "symphony_client_sent_bytes_total",
    "Bytes of frames sent to clients.",
    stats.bytesOut,
  );
  to.counter(
    "symphony_client_loop_seconds_total",
    "Event loop time charged to clients.",
    stats.loop.milliseconds / 1_000,
  );
  to.counter(
    "symphony_client_loop_pauses_total",
    "How often reading from a client was paused because it had used up its event loop budget.",
    stats.loop.pauses,
  );
}

function writeMemory(to: Exposition, { guard, unfinished }: GatewaySources): void {
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
