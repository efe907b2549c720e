import { type Deployment, databaseShare, redisShards } from "./deployment.ts";
import type { Inputs } from "./inputs.ts";
import { type Network, networkOf } from "./network.ts";

/** USD per month for all cells, by item. */
export type Money = Readonly<Record<MoneyItem, number>>;

export const MONEY_ITEMS = [
  "servers",
  "proxies",
  "load balancer",
  "Redis",
  "PostgreSQL",
  "DynamoDB",
  "S3 requests",
  "S3 storage",
  "between zones",
  "to the internet",
  "fixed",
] as const;

export type MoneyItem = (typeof MONEY_ITEMS)[number];

/** Traffic to the internet beyond this in a month is charged at the lower price. */
const FIRST_EGRESS_GIGABYTES = 10_000;

export function moneyOf(deployment: Deployment): Money {
  const { cell, cells, traffic } = deployment;
  const { inputs } = cell;
  const network = networkOf(deployment);
  const seconds = inputs.hoursPerMonth * 3600;
  const { dynamoDb, s3, postgres } = traffic;
  const dynamo =
    dynamoDb.writeUnits * inputs.millionDynamoWrites +
    dynamoDb.readUnits * inputs.millionDynamoReads;
  const requests = s3.puts * inputs.thousandS3Puts + s3.gets * inputs.thousandS3Gets;
  return {
    servers: cells * cell.servers * containerMonth(inputs),
    proxies: cells * proxiesOf(deployment) * containerMonth(inputs),
    "load balancer": cells * balancerMonth(deployment, network),
    Redis: cells * redisMonth(deployment),
    PostgreSQL:
      cells *
      (databaseSize(inputs, databaseShare(inputs, postgres)) *
        inputs.databaseHour *
        inputs.hoursPerMonth +
        postgres.gigabytes * inputs.databaseGigabyteMonth),
    DynamoDB: (cells * dynamo * seconds) / 1e6,
    "S3 requests": (cells * requests * seconds) / 1e3,
    "S3 storage": cells * s3.gigabytes * inputs.s3GigabyteMonth,
    "between zones": cells * zonesMonth(deployment, network),
    "to the internet": egressMonth(inputs, (cells * network.toClients * seconds) / 1e9),
    fixed: cells * inputs.fixedMonth,
  };
}

export function totalOf(money: Money): number {
  return MONEY_ITEMS.reduce((sum, item) => sum + money[item], 0);
}

export function perThousandClients({ clients }: Deployment, money: Money): number {
  return (totalOf(money) / clients) * 1000;
}

/**
 * The number of one-core HAProxy instances in a cell: AWS load balancers cannot hash a path, so
 * affinity needs HAProxy behind a Network Load Balancer.
 */
export function proxiesOf({ cell, placement }: Deployment): number {
  if (placement === "round robin") return 0;
  const { inputs, activity } = cell;
  const micros = (activity.messagesUp + activity.messagesDown) * inputs.proxyMicros;
  return Math.max(inputs.leastServers, Math.ceil(micros / 1e6 / inputs.cpuTarget));
}

/** The smallest size that carries this share of the largest one; each size doubles the previous. */
export function databaseSize(inputs: Inputs, share: number): number {
  let size = 1;
  while (size / 2 >= Math.max(share, inputs.databaseSmallestShare)) size /= 2;
  return size;
}

function containerMonth(inputs: Inputs): number {
  const gigabytes = inputs.serverMemoryMebibytes / 1024;
  return (inputs.vcpuHour + gigabytes * inputs.memoryGigabyteHour) * inputs.hoursPerMonth;
}

/** A load balancer is charged for its largest dimension. */
function balancerMonth({ cell, placement }: Deployment, { balanced }: Network): number {
  const { inputs, activity } = cell;
  const isHashed = placement === "affinity";
  const joins = isHashed ? inputs.networkBalancerUnitJoins : inputs.applicationBalancerUnitJoins;
  const units = Math.max(
    activity.joins / joins,
    activity.clients / inputs.balancerUnitClients,
    (balanced * 3600) / 1e9 / inputs.balancerUnitGigabytesPerHour,
  );
  const price = isHashed ? inputs.networkBalancerUnitHour : inputs.applicationBalancerUnitHour;
  return units * price * inputs.hoursPerMonth;
}

function redisMonth({ cell, traffic }: Deployment): number {
  const { inputs } = cell;
  const shards = redisShards(inputs, traffic.redis);
  const hour = shards === 0 ? inputs.smallRedisHour : shards * inputs.redisHour;
  return hour * inputs.redisNodesPerShard * inputs.hoursPerMonth;
}

/** Traffic from an Application Load Balancer to its targets is free; from a proxy it is not. */
function zonesMonth({ cell, placement }: Deployment, network: Network): number {
  const { inputs } = cell;
  const proxied = placement === "affinity" ? network.fromClients + network.toClients : 0;
  const perSecond =
    (proxied + network.betweenServers) * inputs.zoneGigabyte +
    (network.redis + network.postgres) * inputs.zoneGigabyteOfService;
  return (perSecond / 1e9) * inputs.zoneCrossingShare * inputs.hoursPerMonth * 3600;
}

function egressMonth(inputs: Inputs, gigabytes: number): number {
  const first = Math.min(gigabytes, FIRST_EGRESS_GIGABYTES);
  return first * inputs.egressGigabyteAtFirst + (gigabytes - first) * inputs.egressGigabyte;
}
