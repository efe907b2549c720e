import type { Dynalite, DynamoDbLocal } from "@symphony/services/dynamodb";
import { afterAll, beforeAll, vi } from "vitest";
import { registrySuite } from "../../src/conformance/registry-suite.ts";
import { RENEW_MS } from "../../src/conformance/test-registry.ts";
import { newTable, openServer } from "./dynamodb-fixtures.ts";
import { dynamoDbLeaseSuite } from "./dynamodb-lease-suite.ts";
import { DynamoDbServer } from "./dynamodb-process.ts";
import { dynamoDbRequestsSuite } from "./dynamodb-requests-suite.ts";
import { dynamoDbTableSuite } from "./dynamodb-table-suite.ts";

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
    const servers: DynamoDbServer[] = [];
    return {
      service,
      open: (address, incarnation) => openServer(table, address, RENEW_MS, incarnation),
      spawn: async (address, incarnation) => {
        const server = new DynamoDbServer(table, address, incarnation);
        servers.push(server);
        await server.joined();
        return server;
      },
      discard: async () => {
        await Promise.all(servers.map((server) => server.kill()));
      },
    };
  });
  dynamoDbTableSuite(name);
  dynamoDbLeaseSuite(name);
  dynamoDbRequestsSuite(name);
}
