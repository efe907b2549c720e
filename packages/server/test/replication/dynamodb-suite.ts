import type { Dynalite, DynamoDbLocal } from "@symphony/services/dynamodb";
import { afterAll, beforeAll, vi } from "vitest";
import { registrySuite } from "../../src/conformance/registry-suite.ts";
import { RENEW_MS } from "../../src/conformance/test-registry.ts";
import { newTable, openServer } from "./dynamodb-fixtures.ts";
import { dynamoDbLeaseSuite } from "./dynamodb-lease-suite.ts";
import { dynamoDbRequestsSuite } from "./dynamodb-requests-suite.ts";
import { dynamoDbTableSuite } from "./dynamodb-table-suite.ts";
import { RegistryProcesses } from "./registry-process.ts";

/** Runs the tests of the registry against one of the programs that implement DynamoDB's API. */
export function dynamoDbSuite(name: string, service: Dynalite | DynamoDbLocal): void {
  beforeAll(async () => {
    await service.start();
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", service.endpoint);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await service.stop();
  });

  registrySuite(name, async () => {
    const table = await newTable();
    const processes = new RegistryProcesses({ kind: "dynamodb", table });
    return {
      service,
      open: (address, incarnation) => openServer(table, address, RENEW_MS, incarnation),
      spawn: (address, incarnation) => processes.spawn(address, incarnation),
      discard: () => processes.discard(),
    };
  });
  dynamoDbTableSuite(name);
  dynamoDbLeaseSuite(name);
  dynamoDbRequestsSuite(name);
}
