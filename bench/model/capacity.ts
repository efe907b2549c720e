import type { InputGroup } from "./input.ts";

/** How large the parts are, and how much load one of them gets. Not measured here. */
export const CAPACITY = {
  cpuTarget: { value: 0.5, unit: "of a core", from: "deploy/aws/src/service.ts" },
  serverMemoryMebibytes: { value: 2048, unit: "MiB", from: "deploy/aws/src/task.ts" },
  memoryTarget: { value: 0.75, unit: "of the memory", from: "chosen" },
  socketsPerServer: { value: 60_000, unit: "clients", from: "deploy/aws: limit of open files" },
  leastServers: { value: 2, unit: "per cell", from: "deploy/aws/src/service.ts" },
  misplacedShare: {
    value: 0.01,
    unit: "of rooms",
    from: "chosen: with affinity, these are on two servers because servers have come or gone",
  },
  joinMicros: { value: 2000, unit: "µs of CPU", from: "chosen: a join with its handshake" },
  packetBytes: { value: 74, unit: "bytes", from: "IP, TCP with timestamps, TLS: once per message" },
  busHeaderBytes: {
    value: 40,
    unit: "bytes",
    from: "replication/message.ts, and the channel name",
  },
  journalRowBytes: { value: 200, unit: "bytes", from: "chosen: a small update on the wire" },
  connectionRowBytes: { value: 300, unit: "bytes", from: "chosen: row and indexes, stored" },
  versionDays: {
    value: 30,
    unit: "days",
    from: "deploy/aws/src/stores.ts: old snapshots are kept",
  },
  zoneCrossingShare: { value: 0.5, unit: "of traffic", from: "two zones" },
  commitMilliseconds: { value: 2, unit: "ms", from: "chosen: replicated to two zones" },
  databaseCommits: { value: 20_000, unit: "/s", from: "chosen: db.r6g.8xlarge" },
  databaseRows: {
    value: 200_000,
    unit: "/s",
    from: "chosen: db.r6g.8xlarge; journal rows are deleted too",
  },
  databaseMostConnections: { value: 5_000, unit: "", from: "the maximum that RDS recommends" },
  databaseSmallestShare: { value: 1 / 16, unit: "of 8xlarge", from: "db.r6g.large" },
  smallRedisMessages: { value: 20_000, unit: "/s in and out", from: "chosen: cache.t4g.small" },
  redisMessages: {
    value: 200_000,
    unit: "/s in and out",
    from: "cache.r7g.large; a message took 2.3 µs",
  },
  redisNodesPerShard: { value: 2, unit: "", from: "deploy/aws/src/redis.ts: one is a replica" },
  redisMostShards: { value: 250, unit: "", from: "ElastiCache: 500 nodes" },
  dynamoTableUnits: { value: 40_000, unit: "/s", from: "AWS: the initial quota of a table" },
  s3PrefixPuts: { value: 3_500, unit: "/s", from: "AWS: for keys with the same prefix" },
  leaseBatch: { value: 100, unit: "leases per request", from: "DynamoDB" },
  balancerUnitClients: { value: 3_000, unit: "", from: "AWS: connections per capacity unit" },
  applicationBalancerUnitJoins: { value: 25, unit: "/s", from: "AWS: per capacity unit" },
  networkBalancerUnitJoins: { value: 50, unit: "/s", from: "AWS: per capacity unit, with TLS" },
  balancerUnitGigabytesPerHour: { value: 1, unit: "GB/h", from: "AWS: per capacity unit" },
} as const satisfies InputGroup;
