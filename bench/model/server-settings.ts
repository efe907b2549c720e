import type { InputGroup } from "./input.ts";

/** How often the server does what. Paths are relative to `packages/server/src`. */
export const SERVER_SETTINGS = {
  snapshotSeconds: { value: 30, unit: "s", from: "`SNAPSHOT_INTERVAL_MS`, its default" },
  otherSnapshotIntervals: {
    value: 10,
    unit: "intervals",
    from: "room/room-sweeps.ts: other holders, to free space in the journal",
  },
  gatherMilliseconds: { value: 20, unit: "ms", from: "room/persistence/journal-writer.ts" },
  metadataMilliseconds: { value: 250, unit: "ms", from: "metadata/metadata-writer.ts" },
  connectionRecordDays: { value: 90, unit: "days", from: "`CONNECTIONS_RETENTION_DAYS`" },
  databaseConnections: { value: 7, unit: "at most, per server", from: "storage/postgres/open.ts" },
  leaseSeconds: {
    value: 2.5,
    unit: "s",
    from: "server/open-cluster.ts: a server renews its own lease",
  },
  leaseCheckSeconds: {
    value: 3,
    unit: "s",
    from: "room/room-sweeps.ts: a server reads the leases of the servers that it shares rooms with",
  },
  beatSeconds: {
    value: 11.25,
    unit: "s",
    from: "replication/heartbeat-schedule.ts: of a quiet shared room",
  },
  confirmSeconds: {
    value: 2,
    unit: "s",
    from: "replication/heartbeat-schedule.ts: a heartbeat follows changes after a second, on the next tick",
  },
} as const satisfies InputGroup;
