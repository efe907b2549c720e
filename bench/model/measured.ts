import type { InputGroup } from "./input.ts";

const RESULTS = "RESULTS.md (2026-11-24)";
const BY_HAND = "measured by hand on the machine of RESULTS.md, 2026-11-24";

/** Other programs ran meanwhile, which makes CPU dearer but hardly changes ratios. */
const RATIO = `${BY_HAND}, as a ratio`;

const SPREAD =
  `${RATIO}: rooms of 4 on three servers cost the servers 1.56 times the CPU of rooms on one; ` +
  "divided as the Redis client needs for each";

/** What was measured. When RESULTS.md changes, change it here too. */
export const MEASURED = {
  deliveryMicros: {
    value: 28.44,
    unit: "µs of CPU",
    from: `${RESULTS}: case study in a cluster of one; includes returned presence and journal`,
  },
  snapshotMicros: {
    value: 4_300,
    unit: "µs of CPU",
    from: `${BY_HAND}: 3.1 ms to compact 50 kB with 120 updates, 1.1 ms to put it`,
  },
  publishMicros: { value: 24, unit: "µs of CPU", from: SPREAD },
  receiveMicros: { value: 7.2, unit: "µs of CPU", from: SPREAD },
  proxyMicros: {
    value: 6.7,
    unit: "µs of CPU a message",
    from: `${RATIO}: HAProxy took 0.52 of the CPU of the servers behind it`,
  },
  connectionKibibytes: { value: 6.76, unit: "KiB", from: `${RESULTS}: idle connections` },
  documentRatio: {
    value: 1.37,
    unit: "× encoded size",
    from: `${RESULTS}: open documents, after writing`,
  },
  serverMebibytes: {
    value: 317,
    unit: "MiB",
    from: `${RESULTS}: case study in a cluster of one, with 1,000 clients, which are in it`,
  },
  updateBytes: { value: 26, unit: "bytes", from: "what bench/src/workload/author.ts writes" },
  presenceBytes: { value: 121, unit: "bytes", from: "what bench/src/workload/author.ts writes" },
} as const satisfies InputGroup;
