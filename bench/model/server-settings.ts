import type { InputGroup } from "./input.ts";

/** What the server does how often; paths are those of `packages/server/src`. */
export const SERVER_SETTINGS = {
  snapshotSeconds: { value: 30, unit: "s", from: "`SNAPSHOT_INTERVAL_MS`, its default" },
  otherSnapshotIntervals: {
    value: 10,
    unit: "intervals",
    from: "document/documents.ts: holders that make room in the journal",
  },
  gatherMilliseconds: { value: 10, unit: "ms", from: "document/journal-writer.ts" },
  metadataMilliseconds: { value: 250, unit: "ms", from: "storage/metadata-writer.ts" },
  connectionRecordDays: { value: 90, unit: "days", from: "`CONNECTIONS_RETENTION_DAYS`" },
  databaseConnections: { value: 7, unit: "at most, of a server", from: "storage/postgres/open.ts" },
  leaseSeconds: {
    value: 2.5,
    unit: "s",
    from: "assembly/open-cluster.ts: a server renews its own",
  },
  leaseCheckSeconds: {
    value: 3,
    unit: "s",
    from: "document/documents.ts: a server reads the leases of those that it shares rooms with",
  },
  beatSeconds: { value: 11.25, unit: "s", from: "cluster/holders.ts: of a quiet shared room" },
  confirmSeconds: {
    value: 2,
    unit: "s",
    from: "cluster/holders.ts: a beat follows changes after one second, at the next tick",
  },
} as const satisfies InputGroup;
