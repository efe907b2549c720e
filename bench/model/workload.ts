import type { InputGroup } from "./input.ts";

/** What clients do. */
export const WORKLOAD = {
  clientsPerRoom: { value: 4, unit: "", from: "the case study of RESULTS.md" },
  actingShare: { value: 1, unit: "of clients", from: "the case study: all clients, all the time" },
  updatesPerSecond: { value: 1, unit: "per active client", from: "the case study" },
  presencePerSecond: { value: 5, unit: "per active client", from: "the case study" },
  renewalSeconds: {
    value: 15,
    unit: "s",
    from: "y-protocols: an inactive client renews its presence",
  },
  sessionMinutes: { value: 60, unit: "min", from: "chosen: how long a room is in use" },
  joinsPerHour: {
    value: 2,
    unit: "per client",
    from: "chosen: each is replaced, or reconnects, once per session",
  },
  documentKilobytes: { value: 50, unit: "kB", from: "as in RESULTS.md, encoded" },
} as const satisfies InputGroup;
