import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { ServerAddress } from "../registry.ts";

// The table has one string key, `id`, and three kinds of items:
//
// room/<name>         servers   string set of the addresses of the servers that hold the document
//                     lastHold  a new value each time that a server adds itself
// servers             the same, of all servers that were not closed
// server/<host:port>  until     end of the server's lease, in milliseconds by its clock
//                     incarnation  tells its runs apart
//                     renewals  how often the lease was written
//                     expires   when DynamoDB may remove the item, in seconds

/** The attribute that is the partition key. */
export const KEY = "id";

/** The attribute by which DynamoDB removes items, where that is enabled. */
export const EXPIRES = "expires";

const SERVER = "server/";

export const ALL_SERVERS_KEY: Record<string, AttributeValue> = { [KEY]: { S: "servers" } };

export function roomKey(room: string): Record<string, AttributeValue> {
  return { [KEY]: { S: `room/${room}` } };
}

export function serverKey(server: ServerAddress): Record<string, AttributeValue> {
  return { [KEY]: { S: SERVER + server } };
}

/** The address in a key that `serverKey` made. */
export function serverOf(key: AttributeValue | undefined): ServerAddress {
  return key?.S?.slice(SERVER.length) ?? "";
}
