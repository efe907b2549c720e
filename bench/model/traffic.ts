import type { Cell } from "./cell.ts";
import { type DynamoTraffic, dynamoTraffic } from "./dynamodb.ts";
import { type PostgresTraffic, postgresTraffic } from "./postgres.ts";
import { type RedisTraffic, redisTraffic } from "./redis.ts";
import { type S3Traffic, s3Traffic } from "./s3.ts";

/** The load of a cell on each service, per second. */
export interface Traffic {
  readonly redis: RedisTraffic;
  readonly dynamoDb: DynamoTraffic;
  readonly s3: S3Traffic;
  readonly postgres: PostgresTraffic;
}

export function trafficOf(cell: Cell): Traffic {
  return {
    redis: redisTraffic(cell),
    dynamoDb: dynamoTraffic(cell),
    s3: s3Traffic(cell),
    postgres: postgresTraffic(cell),
  };
}
