import { ConnectionLimits } from "../auth/connection-limits.ts";
import type { Config } from "../config/config.ts";
import { Gateway, type GatewayOptions } from "../websocket/gateway.ts";

/** The most memory for the unfinished messages of all clients, however much memory there is. */
const MOST_UNFINISHED_BYTES = 160 * 1024 * 1024;
/** More than one machine can handle. */
const UNLIMITED = 1e9;

/** Creates the gateway that clients connect to. */
export function openGateway(
  config: Config,
  parts: Omit<
    GatewayOptions,
    | "limits"
    | "proxies"
    | "maxMessagesPerSecond"
    | "loopLimits"
    | "maxMessageBytes"
    | "maxConnectionsPerRoom"
    | "memory"
  >,
): Gateway {
  const limits = new ConnectionLimits({
    connections: config.MAX_CONNECTIONS,
    connectionsPerAddress: config.MAX_CONNECTIONS_PER_ADDRESS ?? UNLIMITED,
    attemptsPerSecondPerAddress: config.MAX_ATTEMPTS_PER_SECOND ?? UNLIMITED,
  });
  return new Gateway({
    ...parts,
    limits,
    proxies: config.TRUSTED_PROXIES,
    maxMessagesPerSecond: config.MAX_MESSAGES_PER_SECOND,
    loopLimits: {
      perConnection: config.MAX_LOOP_MS_PER_SECOND,
      perAddress: config.MAX_LOOP_MS_PER_SECOND_PER_ADDRESS,
    },
    maxMessageBytes: config.MAX_MESSAGE_BYTES,
    maxConnectionsPerRoom: config.MAX_CONNECTIONS_PER_ROOM,
    memory: {
      limit: config.MAX_MEMORY_BYTES,
      share: config.MEMORY_GUARD_PERCENT / 100,
      unfinished: Math.max(
        Math.min(config.MAX_MEMORY_BYTES / 16, MOST_UNFINISHED_BYTES),
        2 * config.MAX_MESSAGE_BYTES,
      ),
    },
  });
}
