import { type AttributeValue, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { pino } from "pino";
import { afterEach, beforeEach, vi } from "vitest";
import { LEASE_MS, RENEW_MS } from "../../src/conformance/test-registry.ts";
import { createRegistryTable } from "../../src/replication/dynamodb/create-table.ts";
import { openDynamoRegistry } from "../../src/replication/dynamodb/open.ts";
import type { Registry, ServerAddress } from "../../src/replication/registry.ts";
import { DynamoDbProxy } from "./dynamodb-proxy.ts";

/** Longer than a test lasts. */
export const NEVER_MS = 1_000_000;

let tables = 0;

/** Creates an empty table. */
export async function newTable(): Promise<string> {
  tables += 1;
  const table = `registry-${tables}`;
  await createRegistryTable(table);
  return table;
}

/** Joins as a server with a short lease. */
export function openServer(
  table: string,
  address: ServerAddress,
  renewMs: number = RENEW_MS,
  incarnation: number = 1,
): Promise<Registry> {
  const logger = pino({ level: "silent" });
  return openDynamoRegistry({ table, address, incarnation, logger, leaseMs: LEASE_MS, renewMs });
}

/** What `useServers` provides to a test. */
export interface Servers {
  readonly table: string;
  /** The proxy between DynamoDB and the servers of `openProxied`. */
  readonly proxy: DynamoDbProxy;
  /** Opens a registry that is closed after the test. */
  open(address: ServerAddress, renewMs?: number): Promise<Registry>;
  openProxied(address: ServerAddress): Promise<Registry>;
}

/** Gives every test of the surrounding `describe` its own table and proxy. */
export function useServers(): Servers {
  let table = "";
  let proxy: DynamoDbProxy | undefined;
  let opened: Registry[] = [];

  beforeEach(async () => {
    table = await newTable();
    proxy = await DynamoDbProxy.start(process.env.AWS_ENDPOINT_URL_DYNAMODB ?? "");
  });
  afterEach(async () => {
    await Promise.all(opened.map((registry) => registry.close()));
    opened = [];
    await proxy?.close();
  });

  return {
    get table() {
      return table;
    },
    get proxy() {
      if (proxy === undefined) throw new Error("the proxy runs only during a test");
      return proxy;
    },
    async open(address, renewMs) {
      const registry = await openServer(table, address, renewMs);
      opened.push(registry);
      return registry;
    },
    openProxied(address) {
      return withEndpoint(this.proxy.endpoint, () => this.open(address));
    },
  };
}

/** Registries opened by `open` connect to this endpoint. */
export async function withEndpoint<T>(endpoint: string, open: () => Promise<T>): Promise<T> {
  const before = process.env.AWS_ENDPOINT_URL_DYNAMODB;
  vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
  try {
    return await open();
  } finally {
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", before);
  }
}

/** Provides a client for the test itself. */
export async function withClient<T>(use: (client: DynamoDBClient) => Promise<T>): Promise<T> {
  const client = new DynamoDBClient({});
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

/** Returns every item of the table whose key has this prefix. */
export async function itemsOf(
  table: string,
  prefix: "room/" | "server/",
): Promise<Record<string, AttributeValue>[]> {
  const { Items = [] } = await withClient((client) =>
    client.send(new ScanCommand({ TableName: table, ConsistentRead: true })),
  );
  return Items.filter(({ id }) => id?.S?.startsWith(prefix));
}
