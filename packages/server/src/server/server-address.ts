import { networkInterfaces } from "node:os";
import { hostOfUrl } from "../http/http-listener.ts";
import type { ServerAddress } from "../replication/registry.ts";
import { reasonOf } from "../runtime/reason.ts";

const METADATA_TIMEOUT_MS = 2_000;

/**
 * Finds the address at which other servers reach this one: that of the ECS task if there is one;
 * otherwise the address that it listens on; if that means all addresses, the first IPv4 address of this
 * machine that is not loopback.
 *
 * @param host as configured; `0.0.0.0` and `::` mean all addresses
 * @param metadata the value of `ECS_CONTAINER_METADATA_URI_V4`, which ECS sets
 * @throws Error if there is none, saying what to set
 */
export async function findServerAddress(
  host: string,
  port: number,
  metadata: string | undefined,
): Promise<ServerAddress> {
  if (metadata !== undefined) return `${await readTaskAddress(metadata)}:${port}`;
  if (host !== "0.0.0.0" && host !== "::") return `${hostOfUrl(host)}:${port}`;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === "IPv4" && !internal) return `${address}:${port}`;
    }
  }
  throw new Error("this machine has only loopback addresses; set SERVER_ADDRESS");
}

/** Reads this task's address from the ECS metadata endpoint (version 4). */
async function readTaskAddress(endpoint: string): Promise<string> {
  let reason = "it contains no IPv4 address";
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(METADATA_TIMEOUT_MS) });
    const address = addressIn(await response.json());
    if (address !== null) return address;
  } catch (error) {
    reason = reasonOf(error);
  }
  throw new Error(
    `cannot read an address from the ECS metadata at ${endpoint} (${reason}); set SERVER_ADDRESS`,
  );
}

function addressIn(metadata: unknown): string | null {
  const networks = field(metadata, "Networks");
  if (!Array.isArray(networks)) return null;
  for (const network of networks) {
    const addresses = field(network, "IPv4Addresses");
    if (Array.isArray(addresses) && typeof addresses[0] === "string") return addresses[0];
  }
  return null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
