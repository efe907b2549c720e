import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { ServerAddress } from "../registry.ts";

// The table has one string key, `id`, and three kinds of items:
//
// room/<name>         servers   string set of the addresses of the servers that hold the document
//                     lastHold  a new value each time a server adds itself
// servers             the same attributes, for all servers that were not closed
// server/<host:port>  until     end of the server's lease, in milliseconds by its clock
//                     incarnation  distinguishes its runs
//                     renewals  how often the lease was written
//                     expires   when DynamoDB may remove the item, in seconds

/** The attribute that is the partition key. */
export const KEY = "id";

/** The time-to-live attribute: DynamoDB removes expired items if that is enabled. */
export const EXPIRES = "expires";

const SERVER = "server/";

export const ALL_SERVERS_KEY: Record<string, AttributeValue> = { [KEY]: { S: "servers" } };

export function roomKey(room: string): Record<string, AttributeValue> {
  return { [KEY]: { S: `room/${room}` } };
}

export function serverKey(server: ServerAddress): Record<string, AttributeValue> {
  return { [KEY]: { S: SERVER + server } };
}

/** Returns the address in a key made by `serverKey`. */
export function serverOf(key: AttributeValue | undefined): ServerAddress {
  return key?.S?.slice(SERVER.length) ?? "";
}
