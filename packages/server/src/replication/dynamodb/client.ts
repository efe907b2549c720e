import { DynamoDBClient } from "@aws-sdk/client-dynamodb";

const ATTEMPTS = 3;
const CONNECT_MS = 1_000;
const ATTEMPT_MS = 2_000;

/**
 * Creates a client whose requests fail after a few seconds. Region, endpoint and credentials come
 * from the environment, as is usual with AWS.
 */
export function createClient(): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ATTEMPT_MS,
      throwOnRequestTimeout: true,
    },
  });
}
