import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { RegistryError } from "../registry.ts";
import { createClient } from "./client.ts";
import { asRegistryError } from "./dynamodb-errors.ts";
import { EXPIRES, KEY } from "./items.ts";

const WAIT_S = 60;
const POLL_S = 0.2;
const SLOW_POLL_S = 2;

/**
 * Creates the table of the registry if it does not exist, and waits until it is ready.
 *
 * @throws RegistryError if that fails, or if a table of that name exists with another key
 */
export async function createRegistryTable(table: string): Promise<void> {
  const client = createClient();
  try {
    await createMissingTable(client, table);
    await waitUntilTableExists(
      { client, maxWaitTime: WAIT_S, minDelay: POLL_S, maxDelay: SLOW_POLL_S },
      { TableName: table },
    );
    await checkKey(client, table);
    await expireServers(client, table);
  } catch (error) {
    throw asRegistryError(error, table);
  } finally {
    client.destroy();
  }
}

async function createMissingTable(client: DynamoDBClient, table: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: KEY, AttributeType: "S" }],
        KeySchema: [{ AttributeName: KEY, KeyType: "HASH" }],
      }),
    );
  } catch (error) {
    // It exists, or is being created at the same time.
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}

async function checkKey(client: DynamoDBClient, table: string): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  const [key, ...more] = Table?.AttributeDefinitions ?? [];
  if (key?.AttributeName !== KEY || key.AttributeType !== "S" || more.length > 0) {
    throw new RegistryError(
      `the DynamoDB table ${table} is not one of symphony-backend: its key is not the string ${KEY}`,
    );
  }
}

/**
 * Lets DynamoDB remove the items of servers that are long gone. They are harmless, but accumulate.
 */
async function expireServers(client: DynamoDBClient, table: string): Promise<void> {
  try {
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: table,
        TimeToLiveSpecification: { AttributeName: EXPIRES, Enabled: true },
      }),
    );
  } catch (error) {
    if (!(error instanceof Error && WITHOUT_EXPIRY.has(error.name))) throw error;
  }
}

/** Expiry is enabled already, or this DynamoDB-compatible server does not support it. */
const WITHOUT_EXPIRY: ReadonlySet<string> = new Set([
  "ValidationException",
  "UnknownOperationException",
]);
