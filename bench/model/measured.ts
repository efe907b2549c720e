import type { InputGroup } from "./input.ts";

const RESULTS = "RESULTS.md (2026-11-24)";
const BY_HAND = "measured by hand on the machine of RESULTS.md, 2026-11-24";

/** Other programs ran meanwhile, which raises CPU figures but hardly changes ratios. */
const RATIO = `${BY_HAND}, as a ratio`;

const SPREAD =
  `${RATIO}: rooms of 4 on three servers cost the servers 1.56 times the CPU of rooms on one; ` +
  "split by what the Redis client needs for each";

/** Measured values. When RESULTS.md changes, update them here too. */
export const MEASURED = {
  deliveryMicros: {
    value: 28.44,
    unit: "µs of CPU",
    from: `${RESULTS}: case study in a cluster of one; includes echoed presence and journal`,
  },
  snapshotMicros: {
    value: 4_300,
    unit: "µs of CPU",
    from: `${BY_HAND}: 3.1 ms to compact 50 kB with 120 updates, 1.1 ms to store it`,
  },
  publishMicros: { value: 24, unit: "µs of CPU", from: SPREAD },
  receiveMicros: { value: 7.2, unit: "µs of CPU", from: SPREAD },
  proxyMicros: {
    value: 6.7,
    unit: "µs of CPU per message",
    from: `${RATIO}: HAProxy took 0.52 times the CPU of the servers behind it`,
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
    from: `${RESULTS}: case study in a cluster of one, with 1,000 clients, including their memory`,
  },
  updateBytes: { value: 26, unit: "bytes", from: "what bench/src/workload/author.ts writes" },
  presenceBytes: { value: 121, unit: "bytes", from: "what bench/src/workload/author.ts writes" },
} as const satisfies InputGroup;
