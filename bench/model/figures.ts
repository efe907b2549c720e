import { type Deployment, databaseShare, redisShards } from "./deployment.ts";
import { databaseSize, proxiesOf } from "./money.ts";
import { networkOf } from "./network.ts";

/** One number about a deployment. */
export type Figure = readonly [label: string, of: (deployment: Deployment) => number];

/** A db.r6g.8xlarge. */
const LARGEST_DATABASE_VCPU = 32;

/** The rows of the table of servers and requests, for all cells together. */
export const FIGURES: readonly Figure[] = [
  ["servers", ({ cells, cell }) => cells * cell.servers],
  ["proxies (HAProxy)", (deployment) => deployment.cells * proxiesOf(deployment)],
  ["databases, and so cells", ({ cells }) => cells],
  [
    "size of a database, vCPU",
    ({ cell, traffic }) =>
      LARGEST_DATABASE_VCPU *
      databaseSize(cell.inputs, databaseShare(cell.inputs, traffic.postgres)),
  ],
  [
    "Redis nodes",
    ({ cells, cell: { inputs }, traffic }) =>
      cells * Math.max(1, redisShards(inputs, traffic.redis)) * inputs.redisNodesPerShard,
  ],
  ["joins an hour", ({ cells, cell }) => cells * cell.activity.joins * 3600],
  ["deliveries/s", ({ cells, cell }) => cells * cell.activity.deliveries],
  ["servers that hold a room", ({ cell }) => cell.spread.holders],
  ["Redis: published/s", ({ cells, traffic }) => cells * traffic.redis.published],
  ["Redis: delivered/s", ({ cells, traffic }) => cells * traffic.redis.delivered],
  ["DynamoDB: requests/s", ({ cells, traffic }) => cells * traffic.dynamoDb.requests],
  ["DynamoDB: write units/s", ({ cells, traffic }) => cells * traffic.dynamoDb.writeUnits],
  ["DynamoDB: read units/s", ({ cells, traffic }) => cells * traffic.dynamoDb.readUnits],
  ["S3: PUT/s", ({ cells, traffic }) => cells * traffic.s3.puts],
  ["S3: GET/s", ({ cells, traffic }) => cells * traffic.s3.gets],
  ["S3: TB kept", ({ cells, traffic }) => (cells * traffic.s3.gigabytes) / 1000],
  ["PostgreSQL: commits/s", ({ cells, traffic }) => cells * traffic.postgres.commits],
  ["PostgreSQL: rows/s", ({ cells, traffic }) => cells * traffic.postgres.rows],
  ["to clients, Gbit/s", (deployment) => gigabits(deployment, networkOf(deployment).toClients)],
  ["from clients, Gbit/s", (deployment) => gigabits(deployment, networkOf(deployment).fromClients)],
  ["through Redis, Gbit/s", (deployment) => gigabits(deployment, networkOf(deployment).redis)],
];

function gigabits({ cells }: Deployment, bytes: number): number {
  return (cells * bytes * 8) / 1e9;
}
