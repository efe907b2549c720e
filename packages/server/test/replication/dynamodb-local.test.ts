import { DescribeTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { DynamoDbLocal } from "@symphony/services/dynamodb";
import { expect, it } from "vitest";
import { newTable, withClient } from "./dynamodb-fixtures.ts";
import { dynamoDbSuite } from "./dynamodb-suite.ts";

dynamoDbSuite("DynamoDB Local", new DynamoDbLocal());

it("lets DynamoDB delete the leases of servers that are long gone", async () => {
  const table = await newTable();
  const { TimeToLiveDescription } = await withClient((client) =>
    client.send(new DescribeTimeToLiveCommand({ TableName: table })),
  );
  expect(TimeToLiveDescription).toEqual({
    AttributeName: "expires",
    TimeToLiveStatus: "ENABLED",
  });
});
