import type { InputGroup } from "./input.ts";

/** The date of the prices below. */
export const PRICES_OF = "2025";

const LIST = `list price, ${PRICES_OF}`;

/** AWS in us-east-1, in USD, without discounts or commitments. Written from memory: check them. */
export const PRICES = {
  hoursPerMonth: { value: 730, unit: "h", from: "convention" },
  vcpuHour: { value: 0.04048, unit: "USD", from: `Fargate, x86: ${LIST}` },
  memoryGigabyteHour: { value: 0.004445, unit: "USD", from: `Fargate, x86: ${LIST}` },
  smallRedisHour: { value: 0.032, unit: "USD", from: `cache.t4g.small: ${LIST}` },
  redisHour: { value: 0.219, unit: "USD", from: `cache.r7g.large: ${LIST}` },
  databaseHour: { value: 7.2, unit: "USD", from: `db.r6g.8xlarge, two zones: ${LIST}` },
  databaseGigabyteMonth: { value: 0.23, unit: "USD", from: `gp3, two zones: ${LIST}` },
  millionDynamoWrites: { value: 0.625, unit: "USD", from: `on demand: ${LIST}` },
  millionDynamoReads: { value: 0.125, unit: "USD", from: `on demand: ${LIST}` },
  thousandS3Puts: { value: 0.005, unit: "USD", from: `standard: ${LIST}` },
  thousandS3Gets: { value: 0.0004, unit: "USD", from: `standard: ${LIST}` },
  s3GigabyteMonth: { value: 0.023, unit: "USD", from: `standard, first 50 TB: ${LIST}` },
  applicationBalancerUnitHour: { value: 0.008, unit: "USD", from: `ALB capacity unit: ${LIST}` },
  networkBalancerUnitHour: { value: 0.006, unit: "USD", from: `NLB capacity unit: ${LIST}` },
  egressGigabyte: {
    value: 0.05,
    unit: "USD",
    from: `to the internet, the rest as above 150 TB: ${LIST}`,
  },
  egressGigabyteAtFirst: {
    value: 0.09,
    unit: "USD",
    from: `to the internet, first 10 TB: ${LIST}`,
  },
  zoneGigabyte: {
    value: 0.02,
    unit: "USD",
    from: `between servers in two zones, both directions: ${LIST}`,
  },
  zoneGigabyteOfService: {
    value: 0.01,
    unit: "USD",
    from: `between a server and Redis or PostgreSQL in another zone: ${LIST}`,
  },
  fixedMonth: {
    value: 110,
    unit: "USD",
    from: "deploy/README.md: NAT gateways, load balancer, secrets, logs, metrics; per cell",
  },
} as const satisfies InputGroup;
